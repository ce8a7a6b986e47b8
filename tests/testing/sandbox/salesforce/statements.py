"""SOQL statements drawn by hypothesis: right ones, and right ones with a piece taken out, doubled or swapped."""

from __future__ import annotations

from hypothesis import strategies as st

FIELDS = ("Id", "Name", "StageName", "Amount", "CloseDate", "SystemModstamp", "IsClosed", "OwnerId")
PATHS = (*FIELDS, "Account.Name", "Owner.Name", "Account.Owner.Name")
_LITERALS = {
    "Id": ("'0065e0000000001AAA'", "null"),
    "OwnerId": ("'0055e0000000001AAA'",),
    "Name": ("'x'", r"'it\'s'", "''", r"'a\\b'", r"'50\%'", "'失注'", "null"),
    "StageName": ("'Closed Lost'", "null"),
    "Amount": ("5", "-1.5", "+3", "0", "null"),
    "CloseDate": ("2026-03-01", "TODAY", "LAST_N_DAYS:30", "NEXT_MONTH", "null"),
    "SystemModstamp": ("2026-03-01T00:00:00Z", "2026-03-01T09:00:00.123+09:00", "YESTERDAY", "N_DAYS_AGO:3"),
    "IsClosed": ("TRUE", "false", "null"),
}
_TEXT = ("Id", "OwnerId", "Name", "StageName")


def _literal(field: str) -> st.SearchStrategy[str]:
    return st.sampled_from(_LITERALS[field])


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    field = draw(st.sampled_from(FIELDS))
    operators = ["=", "!=", "<>"]
    if field not in {"IsClosed", *_TEXT}:
        operators += ["<", "<=", ">", ">="]
    if field in {"Name", "StageName"}:
        operators.append("LIKE")
    operator = draw(st.sampled_from([*operators, "IN", "NOT IN"]))
    if operator in {"IN", "NOT IN"}:
        plain = [each for each in _LITERALS[field] if each[0] in "'+-0123456789" or each in {"null", "TRUE"}] or [
            "null"
        ]
        values = draw(st.lists(st.sampled_from(plain), min_size=1, max_size=3))
        return f"{field} {operator} ({', '.join(values)})"
    gap = draw(st.sampled_from(["", " "])) if operator != "LIKE" else " "
    return f"{field}{gap}{operator}{gap}{draw(_literal(field))}"


def conditions() -> st.SearchStrategy[str]:
    """Conditions as the vendor wants them: AND and OR are never mixed without parentheses."""
    return st.recursive(
        comparisons(),
        lambda inner: st.one_of(
            st.tuples(
                st.sampled_from([" AND ", " OR "]), st.lists(inner.map("({})".format), min_size=2, max_size=3)
            ).map(lambda drawn: drawn[0].join(drawn[1])),
            st.lists(comparisons(), min_size=2, max_size=3).map(" AND ".join),
            inner.map("(NOT ({}))".format),
        ),
        max_leaves=6,
    )


@st.composite
def statements(draw: st.DrawFn) -> str:
    items = draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        where = draw(st.sampled_from(["", " WHERE IsPrimary = true", " ORDER BY Id DESC LIMIT 1"]))
        items.append(f"(SELECT ContactId, Role FROM OpportunityContactRoles{where})")
    text = f"SELECT {', '.join(items)} FROM Opportunity"
    if draw(st.booleans()):
        text += f" WHERE {draw(conditions())}"
    if draw(st.booleans()):
        orders = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True))
        ways = st.sampled_from(["", " ASC", " DESC", " DESC NULLS LAST", " NULLS FIRST"])
        text += " ORDER BY " + ", ".join(order + draw(ways) for order in orders)
    if draw(st.booleans()):
        text += f" LIMIT {draw(st.integers(0, 3000))}"
        text += draw(st.sampled_from(["", " OFFSET 7"]))
    return draw(st.sampled_from([text, text.replace(" FROM ", "\n  FROM\t")]))


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A statement with one piece missing, twice or in the wrong place; it may be right all the same."""
    pieces = draw(statements()).replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
    place = draw(st.integers(0, len(pieces) - 1))
    match draw(st.sampled_from(["drop", "double", "swap", "cut"])):
        case "drop":
            del pieces[place]
        case "double":
            pieces.insert(place, pieces[place])
        case "swap":
            other = draw(st.integers(0, len(pieces) - 1))
            pieces[place], pieces[other] = pieces[other], pieces[place]
        case _:
            del pieces[place:]
    return " ".join(pieces)
