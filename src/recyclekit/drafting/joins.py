"""Which columns join one file to another: of all that may hold a key, those whose values are found on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

from recyclekit.drafting.exports import Export
from recyclekit.drafting.matching import Columns, Drafted, in_order
from recyclekit.drafting.reading import look_like_names
from recyclekit.models.headings import ranked
from recyclekit.models.tables import SCHEMAS, Table
from recyclekit.models.wording import counted

_OWNERS: Mapping[str, Table] = {
    "deal_id": Table.DEALS,
    "contact_id": Table.CONTACTS,
    "account_id": Table.ACCOUNTS,
}
_MOST_AGAIN = 0.05
_MOST = 4  # headings of one file that may hold a key
_WHOLE = 0.02  # what a less usual heading costs, as a share of values found: it decides only between equals

Files = Mapping[Table, tuple[Export, Columns]]


def joined(files: Files) -> dict[Table, Columns]:
    """Return the columns with the keys chosen so that the files join, and how many values do."""
    columns = {table: dict(found) for table, (_, found) in files.items()}
    for key in _OWNERS:
        tables = [table for table in files if key in SCHEMAS[table].column_names()]
        offers = {table: _offers(table, key, files[table][0], columns[table]) for table in tables}
        chosen = _chosen(key, {table: offered for table, offered in offers.items() if offered}, files)
        for table, heading in chosen.items():
            found = columns[table].get(key)
            one = found if found is not None and found.heading == heading else Drafted(name=key, heading=heading)
            columns[table][key] = _with_why(one, table, chosen, files)
            _free(columns[table], key, heading)
    return {table: in_order(table, found) for table, found in columns.items()}


def _offers(table: Table, key: str, export: Export, columns: Columns) -> list[str]:
    """Return the headings that may hold a key: by their words, and used for nothing else but another name of it."""
    used = {one.heading for name, one in columns.items() if name != key and name not in ("name", "owner")}
    free = [one for one in ranked(table, key, export.headings) if one not in used]
    return [one for one in free if key != "contact_id" or not look_like_names(export.texts(one))][:_MOST]


def _chosen(key: str, offers: Mapping[Table, Sequence[str]], files: Files) -> dict[Table, str]:
    """Return the heading of each table with which most values are found on the other sides, and few stand twice."""
    values = {
        (table, heading): set(files[table][0].texts(heading))
        for table, offered in offers.items()
        for heading in offered
    }
    shares: dict[tuple[object, object], float] = {
        (one, other): _share(values[one], values[other]) for one, other in combinations(values, 2) if one[0] != other[0]
    }

    def weight(choice: Iterable[str]) -> float:
        sides = list(zip(offers, choice, strict=True))
        cost = sum(_WHOLE * offers[table].index(heading) for table, heading in sides)
        cost += sum(twice(files[table][0], heading) for table, heading in sides if table is _OWNERS[key])
        return sum(shares[pair] for pair in combinations(sides, 2)) - cost

    return dict(zip(offers, max(product(*offers.values()), key=weight), strict=True))


def twice(export: Export, heading: str) -> float:
    """Return the share of a column's values that stand there more than once."""
    texts = export.texts(heading)
    return 1 - texts.n_unique() / texts.len() if texts.len() else 0.0


def _share(one: set[str], other: set[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))


def _with_why(one: Drafted, table: Table, chosen: Mapping[Table, str], files: Files) -> Drafted:
    owner = _OWNERS[one.name]
    if table is owner:
        return _with_doubt(one, files[table][0])
    if owner not in chosen:
        return one
    there, here = set(files[owner][0].texts(chosen[owner])), set(files[table][0].texts(one.heading))
    where = f"{files[owner][0].name} ({chosen[owner]})"
    if here and there and not here & there:
        return replace(one, asked=f"not one of its {len(here):,} values is in {where}; is another column meant?")
    return replace(one, why=f"found in {where}: {len(here & there):,} of {counted(len(here), 'value')}")


def _with_doubt(one: Drafted, export: Export) -> Drafted:
    """Ask where the id of a record stands in more than one: the later ones would be set aside."""
    texts = export.texts(one.heading)
    again = texts.len() - texts.n_unique()
    if not again:
        return one
    told = f"{again:,} of its {texts.len():,} values stand there again"
    if again > _MOST_AGAIN * texts.len():
        return replace(one, asked=f"{told}, so it is hardly the id; which column is?")
    return replace(one, why=f"{told}: set aside")


def _free(columns: Columns, key: str, heading: str) -> None:
    """Take a heading away from a less needed column that had it, too."""
    for name in [name for name, one in columns.items() if one.heading == heading and name != key]:
        del columns[name]
