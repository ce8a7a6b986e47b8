"""A draft as lines of the project file: every line with its reason, and what a person must decide marked `to do`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from textwrap import wrap

from recyclekit.drafting.draft import Draft, DraftedTable
from recyclekit.drafting.matching import Drafted
from recyclekit.drafting.stages import Stages
from recyclekit.models.tables import Table
from recyclekit.models.wording import counted

TO_DO = "# to do: "
_WIDTH = 110
_WHY_AT = 44
_LISTED = 25
_PLAIN = re.compile(r"[^\W\d_](?:[\w ./・ー()&+-]*[\w)])?")
_GOES_ON = re.compile(r" *#   (\S.*)")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NEEDED: Mapping[str, str] = {
    "deal_id": "which heading is the CRM's id of the deal? It is required",
    "deal_stage": "which heading is the stage, by which won and lost are known? It is required",
}
_WISHED: Mapping[str, str] = {
    "lost_reason": "why a deal was lost; without it every lost deal goes to a person",
}
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]+")


def connection_lines(draft: Draft, kept: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of a connection below its `connector`: settings, fields, stages, reasons, indented by four.

    `kept` are settings that stay as they are.
    """
    return [*_settings(draft, kept or {}), *_fields(draft), *_stages(draft), *_reasons(draft)]


def to_dos(text: str) -> list[tuple[int, str]]:
    """Return what a project file says is to be done: line and words, with the comment's further lines."""
    found: list[tuple[int, str]] = []
    going = False
    for n, line in enumerate(text.splitlines(), 1):
        if TO_DO in line:
            found.append((n, line.partition(TO_DO)[2]))
            going = True
        elif going and (more := _GOES_ON.match(line)):
            found[-1] = (found[-1][0], f"{found[-1][1]} {more[1]}")
        else:
            going = False
    return found


def _settings(draft: Draft, kept: Mapping[str, str]) -> Iterator[str]:
    yield from _line("    settings:", "only deals is required")
    for table, found in draft.tables.items():
        why = found.used()
        yield from _line(f"      {table}: {_scalar(found.export.path)}", why)
    if Table.DEALS not in draft.tables:
        yield f"      {TO_DO}name the export of your deals; no file here looks like one"
        yield "      deals: deals.csv"
    elif "own_tables" not in kept and PurePath(draft.tables[Table.DEALS].export.path).is_absolute():
        yield from _line("      own_tables: deals.recyclekit", "what is written goes here, never into your exports")
    yield from (f"      {name}: {_scalar(value)}" for name, value in kept.items())
    if Table.ACTIVITIES not in draft.tables:
        yield from _line("      # activities: activities.csv", "calls, mails, meetings: the clock of inactivity")
    for name, why in draft.others.items():
        yield from _comment(6, f"not read: {name}: {why}")


def _fields(draft: Draft) -> Iterator[str]:
    yield "    # Left: recyclekit's name. Right: the heading in your file; the values were tried, too."
    yield "    fields:"
    if not draft.tables:
        yield "      deals: {}"
    for table, found in draft.tables.items():
        yield f"      {table}:"
        if table is Table.DEALS:
            yield from _wishes(found, draft)
        for one in found.columns.values():
            yield from _field(one)
        for told in found.told:
            yield from _comment(8, f"not used: {told}")
        if found.export.unclear:
            yield from _comment(8, f"stand there twice, so nobody can tell them apart: {_list(found.export.unclear)}")
        rest = [one for one in found.unused if one not in found.export.unclear]
        if rest:
            yield from _comment(8, f"not used: {_list(rest)}")


def _wishes(found: DraftedTable, draft: Draft) -> Iterator[str]:
    """Name what is missing and matters: what is required, and what decides most."""
    for name, why in _NEEDED.items():
        if name not in found.columns and not (name == "deal_stage" and "crm_state" in found.columns):
            yield f"        {name}: HEADING  {TO_DO}{why}"
    for name, why in _WISHED.items():
        if name not in found.columns:
            yield f"        {TO_DO}{name}: HEADING ({why})"
    if "last_activity_at" not in found.columns and Table.ACTIVITIES not in draft.tables:
        why = "or an export of activities: without either no open deal can be stalled"
        yield f"        {TO_DO}last_activity_at: HEADING ({why})"


def _field(one: Drafted) -> Iterator[str]:
    indent = " " * 8
    if one.asked:
        yield from _comment(8, f"{TO_DO[2:]}{one.name}: {one.asked}")
    if one.tried.either:
        yield from _comment(
            8, f"{TO_DO[2:]}{one.name}: {one.tried.question}. Put one of these in place of the line below:"
        )
        yield from (f"{indent}# {line}" for line in one.tried.either)
    parts = {"column": _scalar(one.heading)}
    if one.tried.formats:
        many = [json.dumps(f, ensure_ascii=False) for f in one.tried.formats]
        parts["format"] = many[0] if len(many) == 1 else f"[{', '.join(many)}]"
    if one.values:
        parts["values"] = "{" + ", ".join(f"{_scalar(k)}: {_scalar(v)}" for k, v in one.values.items()) + "}"
    value = parts["column"]
    if len(parts) > 1:
        value = "{" + ", ".join(f"{key}: {said}" for key, said in parts.items()) + "}"
    yield from _line(f"{indent}{one.name}: {value}", _why(one))


def _why(one: Drafted) -> str:
    said = "guessed from a part of the heading" if one.inside else "guessed from the heading"
    return "; ".join(part for part in (said if one.inside or not one.why else "", one.why, one.tried.why) if part)


def _stages(draft: Draft) -> Iterator[str]:
    deals = draft.tables.get(Table.DEALS)
    if deals is not None and "crm_state" in deals.columns:
        return
    stages = draft.stages
    if not (stages.won or stages.lost or stages.open or stages.asked):
        yield f"    {TO_DO}which stages are won and which lost; every other stage is open"
        yield "    stages: {won: [Won], lost: [Lost]}"
        return
    yield from _line("    stages:", "every other stage is open")
    yield from _asked(stages)
    for state, found in (("won", stages.won), ("lost", stages.lost)):
        if not found:
            yield f"      {TO_DO}no stage says beyond doubt that a deal is {state}; name those that do"
        deals_each = ", ".join(counted(n, "deal") for n in found.values())
        yield from _line(f"      {state}: [{', '.join(_scalar(one) for one in found)}]", deals_each)
    if stages.open:
        yield from _comment(6, f"taken for open: {_counts(stages.open)}")


def _asked(stages: Stages) -> Iterator[str]:
    if stages.asked:
        yield from _comment(6, f"{TO_DO[2:]}won, lost or open? {_counts(stages.asked)}; open as long as it is not said")


def _reasons(draft: Draft) -> Iterator[str]:
    if not draft.reasons:
        yield from _line(
            "    reasons: {}", "your picklist → the fifteen reasons: `recyclekit check` lists what is missing"
        )
        return
    yield "    # Your picklist → the fifteen reasons (those of the packaged policy are known already)."
    asked = {one.text: one.deals for one in draft.reasons if one.reason is None}
    read = [one for one in draft.reasons if one.reason]
    if asked:
        yield from _comment(
            4, f"{TO_DO[2:]}which reason? {_counts(asked)}; a person looks at each until you say it here"
        )
    yield f"    reasons:{'' if read else ' {}'}"
    for one in read:
        yield from _line(
            f"      {_scalar(one.text)}: {one.reason}", f"{counted(one.deals, 'deal')}; as its words are read"
        )


def _line(text: str, why: str) -> Iterator[str]:
    """Yield a line with its reason behind it, or above it where both are too long for one."""
    whole = f"{text.ljust(_WHY_AT - _wide(text))} # {_ODD.sub(' ', why)}" if why else text
    if len(whole) + _wide(whole) <= _WIDTH:
        yield whole
        return
    yield from _comment(len(text) - len(text.lstrip()), why)
    yield text


def _wide(text: str) -> int:
    """Return by how many cells a text is wider than it has characters: those of Japanese take two."""
    from unicodedata import east_asian_width

    return sum(east_asian_width(sign) in "WF" for sign in text)


def _comment(indent: int, text: str) -> Iterator[str]:
    pad, text = " " * indent, _ODD.sub(" ", text)
    first, *more = wrap(text, _WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False) or [""]
    yield f"{pad}# {first}"
    yield from (f"{pad}#   {line}" for line in more)


def _counts(stages: Mapping[str, int]) -> str:
    return ", ".join(f"{stage} ({deals:,})" for stage, deals in stages.items())


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


def _scalar(text: str) -> str:
    """Write a text as YAML: quoted wherever it could be taken for something else."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS and " #" not in text:
        return text
    return _ODD.sub(lambda odd: "".join(f"\\u{ord(sign):04x}" for sign in odd[0]), json.dumps(text, ensure_ascii=False))
