"""Progress on stderr: a bar on a terminal, one line per stage otherwise, nothing with --json."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recyclekit.events import Event, Listen, StageEnded, StageProgressed, StageStarted, silence

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def listening(*, quiet: bool = False) -> Iterator[Listen]:
    """Yield a listener that shows a run's progress while the block runs."""
    if quiet:
        yield silence
    elif not sys.stderr.isatty():
        yield _one_line_per_stage
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from recyclekit.cli.terminal import console

        columns = TextColumn("{task.description:<10}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn()
        with Progress(*columns, console=console(stderr=True), transient=True) as progress:
            yield _Bars(progress).hear


def _one_line_per_stage(event: Event) -> None:
    # A machine reads this: only what took long enough for somebody to wonder.
    if isinstance(event, StageEnded) and event.seconds >= 1:
        from recyclekit.cli.terminal import say

        figures = ", ".join(f"{n:,} {what}" for what, n in event.figures.items())
        say(
            f"{event.stage}: {figures} in {event.seconds:.1f} s" if figures else f"{event.stage}: {event.seconds:.1f} s"
        )


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def hear(self, event: Event) -> None:
        match event:
            case StageStarted(stage=stage, total=total):
                self._tasks[stage] = self._progress.add_task(stage, total=total)
            case StageProgressed(stage=stage, done=done):
                self._progress.advance(self._tasks[stage], done)
            case StageEnded(stage=stage):
                self._progress.remove_task(self._tasks.pop(stage))
            case _:
                pass
