"""Labels in Japanese and English for everything that a report names by code: the policy's own words first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recyclekit.models.decision import MISSING_REASON, UNCLEAR_REASON, Bucket, Status, Verdict
from recyclekit.policy.reasons import TAXONOMY

if TYPE_CHECKING:
    from recyclekit.policy.loader import Policy

Label = tuple[str, str]
"""(Japanese, English)."""

STATUSES: Mapping[str, Label] = {
    Status.WON: ("受注", "won"),
    Status.LOST: ("失注", "lost"),
    Status.STALLED: ("停滞", "stalled"),
    Status.OPEN: ("進行中", "open"),
    Status.UNDATED: ("活動日なし", "undated"),
}
VERDICTS: Mapping[str, Label] = {
    Verdict.RECYCLE: ("リサイクル", "recycle"),
    Verdict.WAIT: ("冷却期間", "wait"),
    Verdict.EXCLUDE: ("除外", "exclude"),
    Verdict.REVIEW: ("要確認", "review"),
    Verdict.NONE: ("対象外", "none"),
}
BUCKETS: Mapping[str, Label] = {
    Bucket.SCHEDULED: ("予定あり", "scheduled"),
    Bucket.WAITING: ("待機", "waiting"),
    Bucket.EXCLUDED: ("除外", "excluded"),
    Bucket.REVIEW: ("要確認", "review"),
    Bucket.NONE: ("何もしない", "left alone"),
    Bucket.DEAD_LETTER: ("読み取り不可", "set aside"),
}
CHANNELS: Mapping[str, Label] = {
    "phone": ("電話", "phone"),
    "mail": ("メール", "mail"),
    "meeting": ("面談", "meeting"),
    "newsletter": ("メルマガ", "newsletter"),
}
REASONS: Mapping[str, Label] = {
    **{code: (reason.name_ja, reason.name_en) for code, reason in TAXONOMY.items()},
    MISSING_REASON: ("理由なし", "No reason given"),
    UNCLEAR_REASON: ("理由が不明瞭", "Unclear reason"),
}
WHY_SET_ASIDE: Mapping[str, str] = {
    "ambiguous_date": "a date that may mean two days",
    "bad_date": "no date of the declared format",
    "bad_encoding": "letters that the file's encoding does not have",
    "bad_flag": "neither yes nor no",
    "bad_number": "no number",
    "bad_quote": "a quotation mark that is not closed",
    "closed_before_created": "closed before it was created",
    "duplicate_id": "the same id comes again",
    "negative_amount": "an amount below zero",
    "no_date": "a date is missing",
    "no_id": "the id is missing",
    "no_stage": "the stage is missing",
    "no_value": "a required value is missing",
    "ragged": "more or fewer cells than the heading",
    "unknown_stage": "a stage that nobody has named",
}
"""Code of a dead letter → why, without the value: what can be told once the run is over."""


@dataclass(frozen=True)
class Words:
    """Looks labels up; a code that nobody has a label for is shown as it is."""

    rules: Mapping[str, Label] = field(default_factory=dict)
    tracks: Mapping[str, Label] = field(default_factory=dict)

    @classmethod
    def of(cls, policy: Policy | None) -> Words:
        """Return the words of a policy; without one, rules and tracks are shown by their names."""
        if policy is None:
            return cls()
        return cls(
            rules={rule.name: (rule.labels.ja, rule.labels.en) for rule in policy.spec.rules},
            tracks={name: (track.labels.ja, track.labels.en) for name, track in policy.spec.tracks.items()},
        )

    def label(self, kind: str, code: str | None) -> Label:
        """Return (ja, en) of a code; kind: status, verdict, bucket, reason, rule, track or channel."""
        if not code:
            return ("", "")
        tables: dict[str, Mapping[str, Label]] = {
            "status": STATUSES,
            "verdict": VERDICTS,
            "bucket": BUCKETS,
            "channel": CHANNELS,
            "reason": REASONS,
            "rule": self.rules,
            "track": self.tracks,
        }
        plain = code.replace("_", " ")
        return tables[kind].get(code, (plain, plain))
