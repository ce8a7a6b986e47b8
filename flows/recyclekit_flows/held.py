"""How frames and opened parts travel between tasks: in a box that Prefect does not look into."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """One value on its way from task to task.

    Deliberately neither a dataclass nor a model nor a collection: Prefect walks those leaf by leaf on every call
    (10,000 records cost 3 s), and leaves a plain object alone.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        # Prefect prints arguments in its logs; what is in the box is none of theirs.
        return f"<held {type(self.value).__name__}>"
