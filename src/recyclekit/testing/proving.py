"""What a test of the kit proves, which tier rests on it, what it needs: said by one decorator, read by the suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeVar

from recyclekit.connectors.manifest import Capability, Level
from recyclekit.testing.bench import Bench, CountsCalls, Edits, Hurts, Lacks, Looks, LooksAtTasks, Refuses, Trouble

if TYPE_CHECKING:
    from recyclekit.connectors.manifest import Support

Test = TypeVar("Test", bound=Callable[..., None])
_MARK = "__recyclekit_proves__"


class Tier(IntEnum):
    """How far a connector is proven; each tier takes all tests of the ones before it."""

    NONE = 0
    BRONZE = 1  # tells the truth about itself, reads every deal once, keeps its secrets
    SILVER = 2  # reads all tables that it declares; writes what it says, once; says what stands in the way
    GOLD = 3  # recovers: lost answers, refusals, limits, changes by people, undo
    PLATINUM = 4  # runs under fire come out right, and nothing is left for later

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a test of the kit says of itself."""

    tier: Tier
    capabilities: tuple[Capability, ...] = ()
    witness: Capability | None = None
    needs: tuple[type, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whether a test runs. `how`: run; expect (it must fail: not yet); never; unproven. `why`: in words."""

    how: str
    why: str = ""


_NEEDED: Mapping[type, str] = {
    Bench: "a bench that records can be put into (a fixture `bench`)",
    Edits: "a bench that changes records behind the connector's back (Edits)",
    Looks: "a bench that looks at what stands in the system (Looks)",
    LooksAtTasks: "a bench that looks at a task's day and owner (LooksAtTasks)",
    CountsCalls: "a bench that counts calls (CountsCalls)",
    Hurts: "a bench that makes trouble (Hurts)",
    Refuses: "a bench whose system refuses single writes (Refuses)",
    Lacks: "a bench that can take away what our writes need (Lacks)",
}


def proves(
    tier: Tier,
    *capabilities: Capability,
    witness: Capability | None = None,
    needs: tuple[type, ...] = (Bench,),
    troubles: tuple[Trouble, ...] = (),
) -> Callable[[Test], Test]:
    """Say what a test proves.

    Args:
        tier: the tier that rests on it.
        capabilities: all must be declared full, or the test is left out.
        witness: the one capability whose witness it is: of a connector that declares it `not_yet`, it must fail.
        needs: protocols that the bench must have.
        troubles: what the bench must be able to make.
    """
    proof = Proof(tier=tier, capabilities=capabilities, witness=witness, needs=needs, troubles=troubles)

    def marked(test: Test) -> Test:
        setattr(test, _MARK, proof)
        return test

    return marked


def proof_of(test: object) -> Proof | None:
    """Return what a test says of itself; None for an author's own."""
    found = getattr(test, _MARK, None)
    return found if isinstance(found, Proof) else None


def choose(proof: Proof, declared: Mapping[Capability, Support], bench: Callable[[], object]) -> Choice:
    """Return whether a test runs for a connector that declares this, with this bench (made only if that matters)."""
    for choice in _by_capability(proof, declared):
        if choice.how != "expect":
            return choice
        missing = _by_bench(proof, bench())
        return missing or choice
    return _by_bench(proof, bench()) or Choice(how="run")


def unproven(suite: type, declared: Mapping[Capability, Support], bench: object) -> dict[str, str]:
    """Return the tests of a suite that this bench or this manifest leaves out or expects to fail, each with why.

    Where there is none and every test passes, the connector has earned the highest tier.
    """
    found = {name: proof_of(getattr(suite, name)) for name in dir(suite) if name.startswith("test_")}
    chosen = {name: choose(proof, declared, lambda: bench) for name, proof in found.items() if proof is not None}
    return {name: choice.why for name, choice in chosen.items() if choice.how not in {"run", "never"}}


def _by_capability(proof: Proof, declared: Mapping[Capability, Support]) -> Iterator[Choice]:
    concerned = (*proof.capabilities, *((proof.witness,) if proof.witness else ()))
    supports = {capability: declared.get(capability) for capability in concerned}
    for capability, support in supports.items():
        if support is not None and support.level is Level.NEVER:
            yield Choice(how="never", why=f"{capability} is never: {support.reason}")
    for capability, support in supports.items():
        if support is None:
            yield Choice(how="unproven", why=f"{capability} is not declared")
        elif support.level is Level.NOT_YET:
            how = "expect" if capability is proof.witness else "unproven"
            yield Choice(how=how, why=f"{capability} is not yet: {support.reason}".rstrip(": "))


def _by_bench(proof: Proof, bench: object) -> Choice | None:
    for need in (*proof.needs, *((Hurts,) if proof.troubles else ())):
        if not isinstance(bench, need):
            return Choice(how="unproven", why=f"needs {_NEEDED[need]}")
    for trouble in proof.troubles:
        assert isinstance(bench, Hurts)
        support = bench.troubles().get(trouble)
        if support is None or support.level is Level.NOT_YET:
            return Choice(how="unproven", why=f"needs a bench that makes the trouble '{trouble}'")
        if support.level is Level.NEVER:
            return Choice(how="never", why=f"'{trouble}' never happens here: {support.reason}")
    return None
