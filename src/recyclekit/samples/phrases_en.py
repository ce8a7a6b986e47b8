"""English words of the invented sales people: why a deal was lost, by canonical reason, with slots to fill."""

from __future__ import annotations

REASONS: dict[str, tuple[str, ...]] = {
    "priority_pending": (
        "Another {dept} project took priority, ours is on hold.",
        "They still want it but parked the whole thing.",
        "Pushed down the list after the reorganisation, no new date.",
        "Put on the back burner until the {dept} people are free again.",
    ),
    "timing": (
        "Asked us to come back in {month}.",
        "Too early for them, revisit in {month} {year}.",
        "Busy season now, wants a call after {month}.",
        "Waiting for the plant move to finish in {month}.",
    ),
    "competitor": (
        "Went with {rival}.",
        "Signed with {rival} last week, mainly because of their references.",
        "Lost the final round to {rival}. Price was not the issue.",
        "Head office told them to use {rival}.",
    ),
    "unresponsive": (
        "Went dark after the demo, {n} mails and {n} calls unanswered.",
        "No reply since {month}.",
        "Champion left and nobody picks up the phone.",
        "Ghosted us after we sent the material.",
    ),
    "price": (
        "Too expensive for them.",
        "Our quote was {n} times what they had in mind.",
        "Wanted a discount that we could not give.",
        "Loved the product but the monthly fee killed it.",
    ),
    "no_budget": (
        "No budget left this year.",
        "{dept} has to ask for the money in the next budget round.",
        "Budget for {year} is already allocated. They find the price fair.",
        "Funding was not approved for this fiscal year.",
    ),
    "needs_mismatch": (
        "Missing the report interface that they need.",
        "Must run on premises, we cannot.",
        "{product} does not cover their multi-site stock.",
        "What they want is really another kind of product.",
    ),
    "info_gathering": (
        "Only collecting information, no plan to buy.",
        "Just doing market research.",
        "Student-like curiosity of the {dept} team, no project behind it.",
        "Wanted to learn what is out there, nothing more.",
    ),
    "bant_unconfirmed": (
        "Never got to meet the decision maker.",
        "Could not confirm budget, need or timeline.",
        "Contact has no authority and would not name who does.",
    ),
    "internal_approval": (
        "The board turned it down.",
        "Did not get past internal approval.",
        "{dept} head refused to sign off.",
        "Stopped in the security review.",
    ),
    "status_quo": (
        "Staying with their spreadsheets.",
        "Decided to build it in house.",
        "Happy enough with the present tool, no change.",
    ),
    "project_cancelled": (
        "The project was cancelled altogether.",
        "New site plan was scrapped and our deal with it.",
        "They left that line of business.",
    ),
    "relationship_proposal": (
        "Our proposal was thin, they said so.",
        "We answered too slowly and lost their trust.",
        "Could not show a reference in their industry.",
    ),
    "disqualified": (
        "Duplicate entry.",
        "Competitor snooping, not a buyer.",
        "Company is in liquidation.",
    ),
}

AMBIGUOUS = (
    "Various reasons.",
    "See mail.",
    "A mix of money, people and timing.",
    "Customer's decision.",
    "Maybe another time.",
    "tbd",
    "It is complicated.",
)
OPENINGS = (
    "",
    "",
    "",
    "Called them in {month}. ",
    "Mail from {dept}: ",
    "Demo went well, but: ",
    "After the third meeting: ",
    "According to the head of {dept}: ",
)
CLOSINGS = ("", "", "", " Still on good terms.", " Keep sending material.", " Handed over to the next rep.")
NARRATIVE = (
    (
        "First meeting with {dept} in {month} about replacing their {product}. {n} people joined the demo. "
        "They liked it and discussed our quote internally. {core} Our contact remains positive in person."
    ),
    (
        "Met at a fair, visited {n} times since. {dept} wanted to lead the project, the technical checks were fine. "
        "{core} We left further material with them."
    ),
)
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DEPARTMENTS = ("Finance", "IT", "Operations", "Purchasing", "HR", "Sales Planning", "Production")
PRODUCTS = ("Order Desk", "Stock Cloud", "Expense Flow", "Client Portal", "Insight Board")
RIVALS = ("AlphaMock", "Betasham Systems", "Gammafake Soft", "Deltaphony Cloud")
HOOKS = (
    "Show the new {product} release of {month} with a case from their industry",
    "Offer help with the budget paper for next year",
    "Ask {dept} about the new set-up and bring two references",
    "Bring the comparison with {rival} before the contract renews",
)
VAGUE_HOOKS = ("How is it going?", "Just checking in", "Touch base", "Follow up")
