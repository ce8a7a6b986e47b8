"""Which of a run's writes to take up again, and what a person has found out about the rest. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from recyclekit.errors import ConfigError
from recyclekit.models.run import Receipt, ReceiptState

GIVEN_UP = "given_up"
"""The code of a write that was given up: skipped for good, and the next plan is free to make it anew."""
SEEN = "seen by a person"
"""The proof of a write that was in doubt and that a person found in the CRM."""

Keys = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one attempt does with what is left of a run; the default is all of it.

    Attributes:
        only: look up and send these keys and no others; None: all.
        failed: send what the other side refused again, too.
        send: False: look up what is in doubt, and send nothing.
        drop: give these up: they are not sent, and nothing is known to stand there.
        written: these stand in the CRM, a person says.
    """

    only: Keys | None = None
    failed: bool = True
    send: bool = True
    drop: Keys = frozenset()
    written: Keys = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether this attempt is about all that is left."""
        return self.only is None and self.send

    def wants(self, key: str) -> bool:
        """Return whether an action is looked up and sent in this attempt."""
        return self.only is None or key in self.only


EVERYTHING = Choice()
_LEFT = {ReceiptState.PLANNED, ReceiptState.SENT, ReceiptState.FAILED, ReceiptState.IN_DOUBT}
_DOUBTFUL = {ReceiptState.SENT, ReceiptState.IN_DOUBT}


def chosen(
    ask: Callable[[], pl.DataFrame], *, only: Sequence[str] = (), drop: Sequence[str] = (), written: Sequence[str] = ()
) -> Choice:
    """Return the choice that keys or deal ids name among a run's actions; a deal's id stands for all of its writes.

    Naming only what to drop, or what was written, sends nothing.

    Args:
        ask: returns the run's actions, with key, deal_id and state.
        only: what to send.
        drop: what to give up; "all" for everything that is left.
        written: what a person found in the CRM.

    Raises:
        ConfigError: a name that the run does not know, or one that no longer waits for a decision.
    """
    if not (only or drop or written):
        return EVERYTHING
    actions = ask()
    return Choice(
        only=_keys(actions, only, _LEFT, "done or skipped"),
        drop=_keys(actions, drop, _LEFT, "done or skipped"),
        written=_keys(actions, written, _DOUBTFUL, "not in doubt"),
    )


def seen(keys: Sequence[str]) -> list[Receipt]:
    """Return the receipts of writes that a person found in the CRM."""
    return [Receipt(key=key, state=ReceiptState.DONE, proof=SEEN) for key in keys]


def _keys(actions: pl.DataFrame, names: Sequence[str], states: set[ReceiptState], settled: str) -> Keys:
    found: set[str] = set()
    for name in names:
        named = actions if name == "all" else actions.filter((pl.col("key") == name) | (pl.col("deal_id") == name))
        if named.is_empty():
            raise _unknown(actions, name)
        left = named.filter(pl.col("state").is_in([str(state) for state in states]))
        if left.is_empty():
            raise ConfigError(
                f"There is nothing to decide about {name!r}.",
                why=f"Its writes are {settled}: {', '.join(sorted(set(named['state'])))}.",
                fix="`recyclekit runs RUN --failed` lists what is left.",
            )
        found |= set(left["key"])
    return frozenset(found)


def _unknown(actions: pl.DataFrame, name: str) -> ConfigError:
    known = {*actions["key"], *actions["deal_id"]}
    near = difflib.get_close_matches(name, known, n=3)
    return ConfigError(
        f"The run has no write of {name!r}.",
        why="Name a deal, or the key of one write.",
        fix=f"Nearest: {', '.join(near)}." if near else "`recyclekit runs RUN --failed` lists what is left.",
    )
