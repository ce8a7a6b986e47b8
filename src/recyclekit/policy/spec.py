"""What a policy file may say: one pydantic model per part, every field described (editors and docs show it)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from recyclekit.models.tables import ACTIVITY_KINDS
from recyclekit.policy.reasons import TAXONOMY

Language = Literal["ja", "en"]
OwnerRole = Literal["inside_sales", "marketing", "field_sales"]
Channel = Literal["phone", "mail", "meeting", "newsletter"]
Anchor = Literal["as_of", "closed_on", "last_contact_on"]

_FISCAL = re.compile(
    r"(?:quarter:)?(?:[1-9]|1[0-2])|52/53:(?:last|nearest)-(?:mon|tue|wed|thu|fri|sat|sun):(?:[1-9]|1[0-2])"
)
_MONTH_DAY = re.compile(r"(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
NAME = r"^[a-z][a-z0-9_]*$"


def _is_known(kind: str, known: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"one of the {kind} is expected: {', '.join(known)}")
        return value

    return AfterValidator(check)


def _matches(pattern: re.Pattern[str], expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"{expected} is expected")
        return value

    return AfterValidator(check)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, Field(pattern=NAME, description="Small letters, digits and underscores.")]
Reason = Annotated[str, _is_known("reasons", tuple(TAXONOMY))]
Kind = Annotated[str, _is_known("kinds of activity", ACTIVITY_KINDS)]
MonthDay = Annotated[str, _matches(_MONTH_DAY, "a day of the year as MM-DD, such as 12-29,")]
FiscalYear = Annotated[
    str,
    BeforeValidator(_as_text),
    _matches(_FISCAL, "the first month (4), its quarters (quarter:4) or a retail year (52/53:last-sat:1)"),
]


class Part(BaseModel):
    """A part of the file: unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Label(Part):
    """The same words in both languages."""

    ja: str = Field(description="Japanese.")
    en: str = Field(description="English.")

    def word(self, language: Language) -> str:
        """Return the words in one language."""
        return self.ja if language == "ja" else self.en


# -- status: who is stalled -------------------------------------------------------------------------------------------


class LeadTime(Part):
    """The company's own average lead time of won deals as the threshold, never including deals won after the as-of."""

    per: Literal["deal_pipeline", "company"] = Field(
        default="deal_pipeline", description="One mean per deal pipeline where its sample suffices, or one for all."
    )
    minimum_sample: int = Field(default=20, ge=1, description="Won deals that a mean needs.")
    otherwise_days: int = Field(default=60, ge=1, description="Threshold where no sample suffices.")


class StalledAfter(Part):
    """When an open deal is stalled: after a number of days without human contact, or after the average lead time."""

    days: int | None = Field(default=None, ge=1, description="Day N counts: 60 means stalled on the 60th day.")
    average_lead_time: LeadTime | None = Field(default=None, description="Instead of a number of days.")

    @model_validator(mode="after")
    def _one_of_them(self) -> StalledAfter:
        if (self.days is None) == (self.average_lead_time is None):
            raise ValueError("either `days` or `average_lead_time` is expected")
        return self


class StatusSpec(Part):
    """How an open deal's status is found."""

    stalled_after: StalledAfter = Field(default=StalledAfter(days=60), description="The threshold of inactivity.")


class ClockSpec(Part):
    """Which events move the clock of inactivity. Our own writes, bulk edits and future dates never do."""

    counts: tuple[Kind, ...] = Field(default=ACTIVITY_KINDS, description="Kinds of activity that are human contact.")
    crm_field: bool = Field(default=True, description="Whether the CRM's own last-activity time counts too.")


# -- reasons ----------------------------------------------------------------------------------------------------------


class ReasonsSpec(Part):
    """How a lost deal's reason is found: picklist first, then free text, then a person."""

    values: dict[str, Reason | tuple[Reason, ...]] = Field(
        default_factory=dict, description="A value as the CRM holds it → the reason, or the reasons it may mean."
    )
    read_text: bool = Field(default=True, description="Whether unmapped text is read by the text classifier.")
    minimum_confidence: float = Field(
        default=0, ge=0, le=1, description="Below it, a text that the classifier did read is unclear all the same."
    )


# -- rules ------------------------------------------------------------------------------------------------------------


class Rule(Part):
    """One named condition and its verdict. The first matching rule wins; a rule that lacks a value abstains."""

    name: Name = Field(description="Travels to the decision, the plan, the CRM and the report.")
    when: str = Field(min_length=1, description="SQL boolean expression over the documented columns of one deal.")
    verdict: Literal["recycle", "wait", "exclude", "review", "none"] = Field(description="What follows.")
    track: Name | None = Field(default=None, description="Track, where it is not the one of the reason.")
    until: Literal["cool_off_until", "again_on"] | None = Field(
        default=None, description="For `wait`: the column that holds the end of the wait."
    )
    labels: Label = Field(description="The rule in a few words.")
    why: Label | None = Field(default=None, description="Why the rule is there, for the definition document.")


class CoolOff(Part):
    """Days without any contact before a track begins, counted from the loss (or the last contact, if never closed)."""

    default_days: int = Field(default=0, ge=0, description="For every reason that is not named.")
    by_reason: dict[Reason, Annotated[int, Field(ge=0)]] = Field(default_factory=dict, description="Reason → days.")


# -- tracks -----------------------------------------------------------------------------------------------------------


class After(Part):
    """So many days or months after a day that is known."""

    days: int | None = Field(default=None, ge=0, description="Calendar days.")
    months: int | None = Field(default=None, ge=0, description="Calendar months (31 January + 1 = 28 February).")
    since: Anchor = Field(default="closed_on", description="Counted from; the as-of day where that one is missing.")

    @model_validator(mode="after")
    def _one_of_them(self) -> After:
        if (self.days is None) == (self.months is None):
            raise ValueError("either `days` or `months` is expected")
        return self


class NamedDate(Part):
    """The date that the buyer named: sales' next approach date, else the end of the present contract."""

    otherwise: After = Field(default=After(months=6), description="Where no date was named.")


class BeforeBudget(Part):
    """So many weeks before that company's next fiscal year (or quarter) begins, when budgets are decided."""

    weeks: int = Field(default=8, ge=0, le=52, description="Weeks before the first day of the fiscal year or quarter.")
    unknown: Literal["ask", "default"] = Field(
        default="ask",
        description="Where neither the account nor its country tells: ask the customer, or take the home country's.",
    )


class BeforeContractEnd(Part):
    """So many weeks before the contract with the rival ends; where the end is unknown, loss date + term is taken."""

    weeks: int = Field(default=12, ge=0, le=104, description="Weeks before the end.")
    term_months: int = Field(default=12, ge=1, description="Assumed term of the rival's contract, from the loss on.")


TIMINGS = ("same_day", "after", "named_date", "before_budget", "before_contract_end")


class Timing(Part):
    """When the first step is due: exactly one of these. A date in the past becomes the as-of day."""

    same_day: Literal[True] | None = Field(default=None, description="On the day of the plan.")
    after: After | None = Field(default=None, description="Days or months after a known day.")
    named_date: NamedDate | None = Field(default=None, description="The date that was named.")
    before_budget: BeforeBudget | None = Field(default=None, description="Before the company's budget decision.")
    before_contract_end: BeforeContractEnd | None = Field(default=None, description="Before the rival's contract ends.")

    @property
    def kind(self) -> str:
        """Return which of TIMINGS it is."""
        return next(name for name in TIMINGS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _exactly_one(self) -> Timing:
        if sum(getattr(self, name) is not None for name in TIMINGS) != 1:
            raise ValueError(f"exactly one of {', '.join(TIMINGS)} is expected")
        return self


def _bare_name_is_timing(value: Any) -> Any:
    return {value: True if value == "same_day" else {}} if isinstance(value, str) and value in TIMINGS else value


class Window(Part):
    """How far a due date may be moved when owners are full, in business days."""

    later: int = Field(default=5, ge=0, le=60, description="Business days later at most.")
    earlier: int = Field(default=0, ge=0, le=60, description="Business days earlier at most (never before the as-of).")


class Step(Part):
    """One touch of a track."""

    name: Name = Field(description="Unique within its track.")
    channel: Channel = Field(description="How contact is made.")
    after_days: int = Field(default=0, ge=0, description="Calendar days after the step before; 0 for the first.")
    subject: Label = Field(description="Subject of the task in the CRM.")
    hook: Label = Field(description="What to come back with, where sales filled in nothing.")
    confirm_by_mail: bool = Field(default=False, description="What is agreed by phone is confirmed by mail.")
    list: str | None = Field(default=None, description="For `newsletter`: the list or campaign to enrol in.")


class Track(Part):
    """A lane of follow-up: when it begins and its steps."""

    labels: Label = Field(description="The track in a few words.")
    timing: Annotated[Timing, BeforeValidator(_bare_name_is_timing)] = Field(
        description="When the first step is due. A bare name, such as `same_day`, takes that timing's defaults."
    )
    window: Window = Field(default=Window(), description="How far dates may be moved.")
    steps: tuple[Step, ...] = Field(min_length=1, description="The touches, in order.")
    owner_role: OwnerRole | None = Field(default=None, description="Who owns it, where not the policy's owner role.")


# -- who, how often, how many -----------------------------------------------------------------------------------------


class Cycles(Part):
    """How often a deal may pass through recycling."""

    maximum: int = Field(default=3, ge=1, description="Cycles after which a deal is left alone.")
    again_after_days: int = Field(default=180, ge=0, description="Days of rest after a track is done.")


class ThreeFields(Part):
    """Next approach date, person and hook, which sales fills in on loss: what is missing becomes a to-do."""

    ask_within_days: int = Field(default=30, ge=0, description="Only deals lost so recently are asked for; 0: never.")
    subject: Label = Field(
        default=Label(
            ja="次回アプローチ日・担当・フックを記入してください",
            en="Please fill in next approach date, person and hook",
        ),
        description="Subject of the to-do.",
    )
    vague_hooks: tuple[str, ...] = Field(
        default=(), description="Hooks that say nothing; compared without width, case, blanks and end punctuation."
    )


class Cap(Part):
    """At most so many touches within so many days, counted in both directions."""

    touches: int = Field(ge=1, description="Touches of ours: calls, mails, meetings, newsletters.")
    days: int = Field(ge=1, description="Days, counted from each touch forwards and backwards.")


class Caps(Part):
    """How often one contact, and one company, may be approached, over all of their deals."""

    contact: Cap | None = Field(default=None, description="Per contact of the deals.")
    company: Cap | None = Field(default=None, description="Per company, over all its contacts.")


class Guards(Part):
    """A run that would recycle more than this stops before it writes."""

    maximum_deals: int | None = Field(default=None, ge=0, description="Deals newly recycled in one run.")
    maximum_share: float | None = Field(default=None, ge=0, le=1, description="Share of all deals read.")


class Quiet(Part):
    """Days of each year on which nobody is contacted; may run over New Year."""

    first: MonthDay = Field(description="MM-DD.")
    last: MonthDay = Field(description="MM-DD, that day included.")
    labels: Label | None = Field(default=None, description="What it is.")


class CalendarSpec(Part):
    """Which days are business days, and when fiscal years begin."""

    country: str = Field(default="JP", pattern="^[A-Z]{2}$", description="ISO 3166-1 country of the public holidays.")
    company_days: tuple[dt.date, ...] = Field(default=(), description="Further days off of the company.")
    quiet: tuple[Quiet, ...] = Field(default=(), description="Quiet periods of every year.")
    fiscal_years: dict[Annotated[str, Field(pattern="^[A-Z]{2}$")], FiscalYear] = Field(
        default={"JP": "4"},
        description="Country → fiscal year: first month (4), quarter:4 or 52/53:last-sat:1; an account's own wins.",
    )


# -- the whole --------------------------------------------------------------------------------------------------------


class PolicySpec(Part):
    """The effective policy: a file with everything that it extends merged in."""

    format: Literal[1] = Field(default=1, description="Version of this file format.")
    name: str = Field(min_length=1, description="Stamped on every decision.")
    version: str = Field(min_length=1, description="The policy's own version; stamped on every decision.")
    labels: Label = Field(description="Title of the definition document.")
    language: Language = Field(default="en", description="Language of what is written to the CRM.")
    status: StatusSpec = Field(default=StatusSpec(), description="Who is stalled.")
    clock: ClockSpec = Field(default=ClockSpec(), description="What moves the clock of inactivity.")
    reasons: ReasonsSpec = Field(default=ReasonsSpec(), description="How reasons are found.")
    rules: tuple[Rule, ...] = Field(min_length=1, description="In this order; the first that matches wins.")
    cool_off: CoolOff = Field(default=CoolOff(), description="No contact at all for so long after a loss.")
    tracks: dict[Name, Track] = Field(default_factory=dict, description="Name → track.")
    reason_tracks: dict[Reason, Name] = Field(default_factory=dict, description="Reason → track.")
    owner_role: OwnerRole = Field(default="inside_sales", description="Who owns recycled deals.")
    cycles: Cycles = Field(default=Cycles(), description="How often.")
    three_fields: ThreeFields = Field(default=ThreeFields(), description="What sales fills in on loss.")
    caps: Caps = Field(default=Caps(), description="How often at most one contact or company is approached.")
    guards: Guards = Field(default=Guards(), description="Limits on a run's changes.")
    calendar: CalendarSpec = Field(default=CalendarSpec(), description="Business days and fiscal years.")


class PolicyFile(PolicySpec):
    """A policy file as written: the spec's keys, and how it builds on another policy."""

    extends: str | None = Field(default=None, description="A packaged policy's name, or a path relative to this file.")
    without: tuple[str, ...] = Field(default=(), description="Inherited rules to leave out.")
