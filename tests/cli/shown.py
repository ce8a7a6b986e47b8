"""What a terminal would show of a view, as text."""

from __future__ import annotations

from typing import Literal

from rich.console import Console, RenderableType


def text(view: RenderableType, width: int = 80, *, color: bool = False) -> str:
    system: Literal["truecolor"] | None = "truecolor" if color else None
    console = Console(width=width, force_terminal=color, color_system=system, no_color=not color, highlight=False)
    with console.capture() as shown:
        console.print(view)
    return "\n".join(line.rstrip() for line in shown.get().splitlines())
