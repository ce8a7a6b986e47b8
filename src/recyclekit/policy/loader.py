"""From a packaged name or a path to a policy that is ready to judge; every error with its file, line and column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from recyclekit.errors import PolicyError
from recyclekit.models.plan import PolicyStamp
from recyclekit.models.standing import ASK
from recyclekit.models.tables import Table
from recyclekit.policy import packaged
from recyclekit.policy.compile import Condition, ConditionError, compile_condition
from recyclekit.policy.facts import columns_needed
from recyclekit.policy.merge import Merged, alone, lay_over
from recyclekit.policy.schema import json_schema
from recyclekit.policy.spec import PolicySpec, Rule
from recyclekit.yaml_file import Document, did_you_mean, examine, listing, load

__all__ = ["Policy", "build", "json_schema", "load_policy", "packaged_names", "policy_hash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An effective policy, its rules compiled. `conditions` stand in the order of `spec.rules`."""

    spec: PolicySpec
    stamp: PolicyStamp
    conditions: tuple[Condition, ...]

    @property
    def rules(self) -> Iterator[tuple[Rule, Condition]]:
        """Iterate over rules with their conditions, in order."""
        return zip(self.spec.rules, self.conditions, strict=True)

    @property
    def reads(self) -> frozenset[str]:
        """The facts that any condition reads."""
        return frozenset(name for condition in self.conditions for name in condition.reads)

    def columns_needed(self) -> dict[Table, frozenset[str]]:
        """Return the canonical columns that a run under this policy reads, per table."""
        return columns_needed(self.spec, self.reads)


def packaged_names() -> tuple[str, ...]:
    """Return the names of the policies that ship with the package."""
    files = resources.files(packaged).iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_policy(name_or_path: str, *, folder: Path | None = None) -> Policy:
    """Load a packaged policy by name, or a file by its path (relative to `folder`).

    Raises:
        PolicyError: with every error of the file at once, as `file:line:column: where: what was expected`.
    """
    return build(_read(_locate(name_or_path, folder or Path()), ()))


def build(document: Document) -> Policy:
    """Validate and compile an effective policy document. Errors as in `load_policy`."""
    spec, errors = examine(document, PolicySpec)
    conditions, refused = _compile(document)
    errors += [*document.problems, *refused] if isinstance(document, Merged) else refused
    errors += [] if spec is None else _cross_check(spec, document)
    if spec is None or errors:
        raise PolicyError(listing(document, errors))
    stamp = PolicyStamp(name=spec.name, version=spec.version, hash=policy_hash(spec))
    return Policy(spec=spec, stamp=stamp, conditions=conditions)


def policy_hash(spec: PolicySpec) -> str:
    """Return the first 16 hex digits of SHA-256 over the canonical JSON of an effective policy."""
    text = json.dumps(spec.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _locate(name_or_path: str, folder: Path) -> Path:
    path = folder / Path(name_or_path).expanduser()
    if name_or_path in packaged_names() and not path.is_file():
        return Path(str(resources.files(packaged) / f"{name_or_path}.yaml"))
    if not path.is_file():
        near = did_you_mean(name_or_path, packaged_names())
        raise PolicyError(
            f"There is no policy '{name_or_path}'{near}.",
            why=f"It is neither the file {path} nor packaged ({', '.join(packaged_names())}).",
            fix="Check the path.",
        )
    return path


def _read(path: Path, chain: tuple[Path, ...]) -> Merged:
    here = path.resolve()
    if here in chain:
        circle = " → ".join(p.name for p in (*chain[chain.index(here) :], here))
        raise PolicyError(f"Policies extend one another in a circle: {circle}.", fix="Take one `extends` out.")
    document = load(path, error=PolicyError)
    if not isinstance(document.data, dict):
        raise PolicyError(f"{document.where(())}: the file: a mapping such as `name: …` is expected")
    extends = document.data.get("extends")
    if extends is None and "without" not in document.data:
        return alone(document)
    if not isinstance(extends, str):
        at = document.where(("extends",), key=True)
        raise PolicyError(f"{at}: extends: a packaged policy's name or a path is expected")
    try:
        base = _locate(extends, path.parent)
    except PolicyError as missing:
        raise PolicyError(f"{document.where(('extends',))}: extends: {missing}") from missing
    return lay_over(_read(base, (*chain, here)), document)


def _compile(document: Document) -> tuple[tuple[Condition, ...], list[str]]:
    """Compile the rules' conditions as far as they are texts; a fault elsewhere in the file hides none of theirs."""
    conditions: list[Condition] = []
    errors: list[str] = []
    rules = document.data.get("rules") if isinstance(document.data, dict) else None
    for at, rule in enumerate(rules if isinstance(rules, list) else []):
        when = rule.get("when") if isinstance(rule, dict) else None
        if not isinstance(when, str) or not when:
            continue
        try:
            conditions.append(compile_condition(when))
        except ConditionError as refused:
            errors.append(f"{document.where(('rules', at, 'when'))}: rule '{rule.get('name')}', when: {refused}")
    return tuple(conditions), errors


def _cross_check(spec: PolicySpec, document: Document) -> Iterator[str]:
    tracks = list(spec.tracks)
    names: set[str] = set()
    for at, rule in enumerate(spec.rules):
        if rule.name in names:
            yield f"{document.where(('rules', at, 'name'))}: two rules have the name '{rule.name}'"
        names.add(rule.name)
        if rule.track is not None and rule.track not in spec.tracks:
            where = document.where(("rules", at, "track"))
            yield f"{where}: rule '{rule.name}': no track '{rule.track}'{did_you_mean(rule.track, tracks)}"
        if rule.until is not None and rule.verdict != "wait":
            yield f"{document.where(('rules', at, 'until'), key=True)}: rule '{rule.name}': `until` is for `wait`"
    for reason, track in spec.reason_tracks.items():
        if track not in spec.tracks:
            where = document.where(("reason_tracks", reason))
            yield f"{where}: reason_tracks.{reason}: no track '{track}'{did_you_mean(track, tracks)}"
    for name, lane in spec.tracks.items():
        steps = [step.name for step in lane.steps]
        for at, step in enumerate(steps):
            if step in steps[:at]:
                yield f"{document.where(('tracks', name, 'steps', at))}: track '{name}': two steps '{step}'"
            if step == ASK:
                where = document.where(("tracks", name, "steps", at))
                yield f"{where}: track '{name}': no step can be named '{ASK}': so is the to-do for missing fields"
