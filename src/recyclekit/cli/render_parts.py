"""What several views are made of: headings, tables without boxes, equations, dates. Colour only ever repeats a sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from recyclekit.cli.called import likewise
from recyclekit.cli.waiting import page
from recyclekit.models.plan import Change, PolicyStamp
from recyclekit.reports.figures import Equation

SIGN_STYLES = {Change.ADD: "green", Change.CHANGE: "yellow", Change.REMOVE: "red"}
GOOD, DOUBTFUL, BAD, QUIET = "green", "yellow", "red", "dim"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def heading(text: str, aside: str = "") -> Text:
    """Return a heading with an optional remark beside it."""
    return Text.assemble((visible(text), "bold"), (f"  {aside}" if aside else "", QUIET))


def words(text: object, style: str = "") -> Text:
    """Return text from data: never read as markup, control characters made visible."""
    return Text("" if text is None else visible(str(text)), style)


def visible(text: str) -> str:
    """Replace control characters: a terminal obeys them, and what the data says is not to be obeyed."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)


def indent(part: RenderableType, by: int = 2) -> Padding:
    """Return a part moved to the right."""
    return Padding(part, (0, 0, 0, by))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, flexible: Sequence[str] = ()) -> Table:
    """Return a table without lines. A heading that begins with `>` is a column of figures.

    Args:
        columns: headings.
        rows: cells; figures get thousands separators, None stays empty.
        flexible: headings of the columns that give way on a narrow terminal; the others keep their width.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET, show_header=any(columns))
    for name in columns:
        label = name.removeprefix(">")
        made.add_column(
            label,
            justify="right" if name.startswith(">") else "left",
            no_wrap=label not in flexible,
            overflow="fold" if label in flexible else "ellipsis",
        )
    for row in rows:
        made.add_row(*(_cell(cell) for cell in row))
    return made


_UNBOUNDED = 10_000


@dataclass(frozen=True)
class FirstThatFits:
    """The first of several ways to show the same that is no wider than the terminal; else the last."""

    ways: Sequence[RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        fitting = (
            way for way in self.ways if Measurement.get(console, options.update(width=9999), way).maximum <= room
        )
        yield next(fitting, self.ways[-1])


def _cell(cell: object) -> Text:
    if isinstance(cell, Text):
        return cell
    return words(f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else cell)


def equation(made: Equation, unit: str, names: dict[str, str] | None = None) -> Text:
    """Return `2,406 read = 310 scheduled + …`; what is zero is left out, what does not close is said."""
    parts = [f"{count:,} {(names or {}).get(name, name.replace('_', ' '))}" for name, count in made.parts if count]
    text = Text(f"{made.total:,} {unit} = ").append(" + ".join(parts) or "0")
    mark = ("  ✓", GOOD) if made.closes else ("  does not add up", f"bold {BAD}")
    return text.append(*mark)


def day(value: date | None) -> str:
    """Return a date with its weekday."""
    return f"{value:%Y-%m-%d} {_WEEKDAYS[value.weekday()]}" if value else ""


def minute(value: datetime | None) -> str:
    """Return a time of the log, in its own zone."""
    return f"{value:%Y-%m-%d %H:%M}" if value else ""


def policy_line(stamp: PolicyStamp | None) -> str:
    """Return `standard@1.0#0123456789abcdef`."""
    return f"{stamp.name}@{stamp.version}#{stamp.hash}" if stamp else ""


def unbroken(*parts: str | Text) -> Text:
    """Return a line that no terminal's width breaks, for what is copied out of it: an address, a command."""
    line = Text.assemble(*parts)
    line.no_wrap, line.overflow = True, "ignore"
    return line


def next_step(command: str, why: str = "") -> RenderableType:
    """Return the line that says what to run next, with the project at hand; never wrapped inside the command."""
    line = (Text("Next: ", "bold"), Text(likewise(command), "bold cyan"))
    if not why:
        return unbroken(*line)
    below = Group(unbroken(*line), Text(f"      {why}", QUIET))
    return FirstThatFits((unbroken(*line, Text(f"   {why}", QUIET)), below))


def particulars(known: Mapping[str, str], flow_run: str | None) -> RenderableType:
    """Return what is known of a run, name by name, and where its flow run is to be seen; what is empty is left out."""
    there = {name: value for name, value in known.items() if value}
    listed = indent(table(("", ""), ((Text(name, QUIET), value) for name, value in there.items()), flexible=("",)))
    if flow_run is None:
        return listed
    name = "flow run".ljust(max(map(len, there), default=0))
    return Group(listed, unbroken(Text(f"  {name}  ", QUIET), page(flow_run) or flow_run))


def stack(*parts: RenderableType | None) -> Group:
    """Return the parts one under the other with an empty line between, those that are None left out."""
    there = [part for part in parts if part is not None]
    spaced = [piece for part in there for piece in (part, Text(""))]
    return Group(*spaced[:-1])
