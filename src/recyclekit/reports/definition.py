"""The policy as a definition document that everyone can read, in Japanese or English, with examples from own data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from recyclekit.policy.caps import PARTIES
from recyclekit.policy.check import outcome_of
from recyclekit.policy.loader import Policy
from recyclekit.policy.own_deals import OwnDeals
from recyclekit.policy.reasons import TAXONOMY
from recyclekit.policy.spec import Language, PolicySpec, Timing, Track
from recyclekit.reports.definition_words import WORDS


def definition(policy: Policy, *, language: Language = "en", facts: pl.DataFrame | None = None) -> str:
    """Return the document as Markdown.

    Args:
        policy: what is described.
        language: `ja` or `en`.
        facts: of real deals (see policy.own_deals); their ids serve as examples and counter-examples.
    """
    words, spec = WORDS[language], policy.spec
    deals = None if facts is None else OwnDeals.of(policy, facts)
    parts = [
        _head(policy, language, words),
        _statuses(spec, words),
        _reasons(policy, language, words, deals),
        _rules(policy, language, words, deals),
        _tracks(spec, language, words),
        _figures(spec, language, words),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


Words = Mapping[str, str]


def _head(policy: Policy, language: Language, words: Words) -> Iterator[str]:
    spec, stamp = policy.spec, policy.stamp
    yield f"# {spec.labels.word(language)}"
    yield ""
    yield words["stamp"].format(name=stamp.name, version=stamp.version, hash=stamp.hash)
    yield ""
    yield words["intro"]


def _statuses(spec: PolicySpec, words: Words) -> Iterator[str]:
    yield f"## {words['statuses']}"
    yield ""
    threshold = spec.status.stalled_after
    lead = threshold.average_lead_time
    if lead is None:
        limit = words["after_days"].format(days=threshold.days)
    else:
        per = words["per_pipeline"] if lead.per == "deal_pipeline" else words["per_company"]
        limit = words["after_lead_time"].format(per=per, sample=lead.minimum_sample, days=lead.otherwise_days)
    yield from _table(
        (words["status"], words["meaning"]),
        [
            (words["won"], words["won_means"]),
            (words["lost"], words["lost_means"]),
            (words["stalled"], words["stalled_means"].format(limit=limit)),
            (words["open"], words["open_means"]),
            (words["undated"], words["undated_means"]),
        ],
    )
    yield ""
    kinds = words["between"].join(words[f"kind_{kind}"] for kind in spec.clock.counts)
    yield words["clock"].format(kinds=kinds) + (words["clock_crm"] if spec.clock.crm_field else "")


def _reasons(policy: Policy, language: Language, words: Words, deals: OwnDeals | None) -> Iterator[str]:
    spec = policy.spec
    yield f"## {words['reasons']}"
    yield ""
    yield words["reasons_intro"]
    yield ""
    rows: list[tuple[str, ...]] = []
    for code, info in TAXONOMY.items():
        name, meaning = (info.name_ja, info.definition_ja) if language == "ja" else (info.name_en, info.definition_en)
        _, verdict, track = outcome_of(policy, code)
        follow = words[f"verdict_{verdict or 'none'}"]
        if verdict == "recycle" and track is not None:
            follow = spec.tracks[track].labels.word(language)
        cool_off = spec.cool_off.by_reason.get(code, spec.cool_off.default_days)
        wait = words["days"].format(days=cool_off) if cool_off else "—"
        known = () if deals is None else _reason_examples(deals, code, verdict)
        rows.append((name, f"`{code}`", meaning, follow, wait, *known))
    heading = (words["reason"], words["code"], words["meaning"], words["follow_up"], words["cool_off"])
    more = () if deals is None else (words["deals"], words["such_as"], words["but_not"])
    yield from _table((*heading, *more), rows)


def _reason_examples(deals: OwnDeals, code: str, verdict: str | None) -> tuple[str, str, str]:
    """Return how many deals were lost for a reason, some that go the usual way, some that a rule treats otherwise."""
    mine = (deals.facts["reason"] == code).fill_null(value=False)
    usual = mine & (deals.judged["verdict"] == verdict).fill_null(value=False)
    others = mine & ~usual
    rules = deals.judged["rule"].filter(others)
    told = (f"`{deal}` ({rule or '—'})" for deal, rule in zip(deals.ids(others), rules, strict=False))
    return f"{mine.sum():,}", deals.told(usual) or "—", ", ".join(told) or "—"


def _rules(policy: Policy, language: Language, words: Words, deals: OwnDeals | None) -> Iterator[str]:
    yield f"## {words['rules']}"
    yield ""
    yield words["rules_intro"]
    for number, rule in enumerate(policy.spec.rules, start=1):
        yield ""
        track = f" → {policy.spec.tracks[rule.track].labels.word(language)}" if rule.track else ""
        yield f"{number}. **{rule.labels.word(language)}** — {words['verdict_' + rule.verdict]}{track} (`{rule.name}`)"
        yield f"    - {words['condition']}: `{rule.when}`"
        if rule.why is not None:
            yield f"    - {words['why']}: {rule.why.word(language)}"
        if deals is not None:
            yield from (f"    - {line}" for line in _examples(deals, number - 1, rule.name, words))


def _examples(deals: OwnDeals, at: int, rule: str, words: Words) -> Iterator[str]:
    """Say which deals a rule decided, which it had to leave to an earlier one, and which it does not fit."""
    fired, lost = deals.fired(rule), deals.lost_to(at, rule)
    if fired.any():
        yield words["examples"].format(count=_count(fired, words), deals=deals.told(fired))
    else:
        yield words["no_examples"]
    if lost.any():
        first = deals.judged["rule"].filter(lost)[0]
        yield words["lost_to"].format(count=_count(lost, words), deals=deals.told(lost), rule=first)
    outside = ~deals.matches[str(at)]
    if fired.any() and outside.any():
        yield words["not_such"].format(count=_count(outside, words), deals=deals.told(outside))


def _count(which: pl.Series, words: Words) -> str:
    number = int(which.sum())
    return words["one_deal" if number == 1 else "many_deals"].format(number=f"{number:,}")


def _tracks(spec: PolicySpec, language: Language, words: Words) -> Iterator[str]:
    yield f"## {words['tracks']}"
    yield ""
    yield words["tracks_intro"]
    for name, track in spec.tracks.items():
        reasons = [_reason_name(code, language) for code, lane in spec.reason_tracks.items() if lane == name]
        yield ""
        yield f"### {track.labels.word(language)} (`{name}`)"
        yield ""
        if reasons:
            yield f"- {words['for_reasons']}: {words['between'].join(reasons)}"
        yield f"- {words['begins']}: {_timing(track.timing, words)}"
        yield f"- {words['who']}: {words['role_' + (track.owner_role or spec.owner_role)]}"
        yield f"- {words['window'].format(later=track.window.later, earlier=track.window.earlier)}"
        yield ""
        yield from _steps(track, language, words)


def _steps(track: Track, language: Language, words: Words) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for number, step in enumerate(track.steps, start=1):
        when = words["days_later"].format(days=step.after_days) if step.after_days else words["at_once"]
        confirm = f" ({words['confirmed']})" if step.confirm_by_mail else ""
        channel = words[f"channel_{step.channel}"] + confirm
        rows.append((str(number), when, channel, step.subject.word(language), step.hook.word(language)))
    yield from _table(("#", words["when"], words["channel"], words["subject"], words["hook"]), rows)


def _figures(spec: PolicySpec, language: Language, words: Words) -> Iterator[str]:
    yield f"## {words['figures']}"
    yield ""
    yield f"- {words['owner_line'].format(role=words['role_' + spec.owner_role])}"
    yield f"- {words['cycles_line'].format(maximum=spec.cycles.maximum, days=spec.cycles.again_after_days)}"
    yield f"- {words['three_line'].format(days=spec.three_fields.ask_within_days)}"
    if spec.three_fields.vague_hooks:
        hooks = words["between"].join(f"“{hook}”" for hook in spec.three_fields.vague_hooks[:4])
        yield f"- {words['vague_line'].format(hooks=hooks)}"
    for party in PARTIES:
        cap = getattr(spec.caps, party)
        if cap is not None:
            yield f"- {words[f'cap_{party}'].format(touches=cap.touches, days=cap.days)}"
    guards = spec.guards
    if guards.maximum_deals is not None:
        yield f"- {words['guard_deals'].format(deals=guards.maximum_deals)}"
    if guards.maximum_share is not None:
        yield f"- {words['guard_share'].format(share=f'{guards.maximum_share:.0%}')}"
    yield f"- {words['calendar_line'].format(country=spec.calendar.country)}"
    for quiet in spec.calendar.quiet:
        label = f" ({quiet.labels.word(language)})" if quiet.labels else ""
        yield f"- {words['quiet_line'].format(first=quiet.first, last=quiet.last)}{label}"


def _reason_name(code: str, language: Language) -> str:
    info = TAXONOMY[code]
    return info.name_ja if language == "ja" else info.name_en


def _timing(timing: Timing, words: Words) -> str:
    if timing.after is not None:
        return _after(timing.after.days, timing.after.months, timing.after.since, words)
    if timing.named_date is not None:
        otherwise = timing.named_date.otherwise
        return words["named_date"].format(otherwise=_after(otherwise.days, otherwise.months, otherwise.since, words))
    if timing.before_budget is not None:
        unknown = words[f"budget_{timing.before_budget.unknown}"]
        return words["before_budget"].format(weeks=timing.before_budget.weeks, unknown=unknown)
    if timing.before_contract_end is not None:
        end = timing.before_contract_end
        return words["before_contract_end"].format(weeks=end.weeks, months=end.term_months)
    return words["same_day"]


def _after(days: int | None, months: int | None, since: str, words: Words) -> str:
    span = words["days"].format(days=days) if days is not None else words["months"].format(months=months)
    return words["after"].format(span=span, since=words[f"since_{since}"])


def _table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(heading) + " |"
    yield "|" + "---|" * len(heading)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
