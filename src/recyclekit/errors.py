"""Every error of the house, grouped by what the caller does next; each carries its exit code.

A message has three parts: what happened, why, and what to do next. `str(error)` joins the three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with; fixed, documented in docs/reference/exit-codes.md."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PENDING = 3
    SET_ASIDE = 4
    SIGN_IN = 5
    LOCKED = 6
    UNREACHABLE = 7
    IN_DOUBT = 8
    GUARD = 9


class RecyclekitError(Exception):
    """Root of all errors that a user can act on; anything else that escapes is a bug."""

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = map(_ended_once, (what, why, fix))
        super().__init__()
        self._say()

    def reword(self, word: Callable[[str], str]) -> None:
        """Put all parts in other words, in place: kind, exit code, cause and traceback stay."""
        self.what, self.why, self.fix = map(word, (self.what, self.why, self.fix))
        self._say()

    def preface(self, where: str) -> None:
        """Say before everything else where it happened; the error stays the same one otherwise."""
        self.what = f"{where}: {self.what}"
        self._say()

    def _say(self) -> None:
        self.args = (" ".join(part for part in (self.what, self.why, self.fix) if part),)


def _ended_once(part: str) -> str:
    """Return a part with one mark at its end: what is put into a sentence may bring its own."""
    return part[:-1] if part.endswith(("?.", "!.", "..")) and not part.endswith("...") else part


class BrokenConnectorError(RecyclekitError):
    """A connector raised what no connector may raise, or answered nonsense: a bug of its own, with its name."""


# -- wrong before anything was touched ------------------------------------------------------------------------------


class ConfigError(RecyclekitError):
    """The project, a policy or the command line is wrong; nothing was touched."""

    exit_code = ExitCode.USAGE


class ProjectError(ConfigError):
    """The project file cannot be used."""


class PolicyError(ConfigError):
    """A policy file cannot be used."""


class ConnectorError(ConfigError):
    """A connector is missing, broken, or asked for something that it cannot do."""


class UnsupportedError(ConnectorError):
    """The connector declares that it can never do this."""


class InputError(ConfigError):
    """An input file cannot be read as a whole (single bad rows are dead letters, not errors)."""


class AmbiguousError(InputError):
    """A value has two readings and nothing says which is meant; it is refused, never guessed.

    `lines` are those of a field map that would say so, one for each reading.
    """

    def __init__(self, what: str, *, why: str = "", fix: str = "", lines: Sequence[str] = ()) -> None:
        super().__init__(what, why=why, fix=fix)
        self.lines = tuple(lines)


# -- stopped on purpose ------------------------------------------------------------------------------------------------


class PlanError(RecyclekitError):
    """A plan cannot be applied as it stands."""

    exit_code = ExitCode.GUARD


class StalePlanError(PlanError):
    """The plan is older than the policy or was edited by hand."""


class GuardError(PlanError):
    """A change guard of the policy stopped the run before it wrote anything."""


class WaitingError(PlanError):
    """The plan waits for a person's word; nothing was written yet."""


class DecidedError(PlanError):
    """Somebody decided otherwise on this plan before."""


class LeaseError(RecyclekitError):
    """Another run holds the lease of this pipeline, or took it over."""

    exit_code = ExitCode.LOCKED


class SumsError(RecyclekitError):
    """The buckets do not add up to the deals that were read: a bug, never ignored."""


# -- the ledger ------------------------------------------------------------------------------------------------------


class LedgerError(RecyclekitError):
    """The ledger cannot be used."""


class UnknownRunError(LedgerError):
    """The ledger knows no such run, or more than one that is called so."""

    exit_code = ExitCode.USAGE


class LedgerVersionError(LedgerError):
    """The ledger was written by a newer version."""

    exit_code = ExitCode.USAGE


class LedgerPlaceError(LedgerError):
    """A ledger cannot be kept where the project says; nothing was created."""

    exit_code = ExitCode.USAGE


class LedgerBusyError(LedgerError):
    """Another process keeps the ledger's file locked."""

    exit_code = ExitCode.LOCKED


class LedgerUnreachableError(LedgerError):
    """The ledger's server does not answer; nothing is lost, resume later."""

    exit_code = ExitCode.UNREACHABLE


# -- the other side: connectors raise these, only stages turn them into outcomes --------------------------------------


class RemoteError(RecyclekitError):
    """The other side did not do what was asked."""

    exit_code = ExitCode.UNREACHABLE


class SignInError(RemoteError):
    """Sign-in failed or a permission is missing."""

    exit_code = ExitCode.SIGN_IN


class RetryableError(RemoteError):
    """Nothing was applied; the same call may succeed later.

    Attributes:
        retry_after: seconds to wait, where the other side said so.
    """

    def __init__(self, what: str, *, why: str = "", fix: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, why=why, fix=fix)
        self.retry_after = retry_after


class QuotaError(RemoteError):
    """The quota of calls is spent; resume later."""


class StoppedError(RemoteError):
    """Somebody asked us to stop; this call was not made, and what is left can be taken up again."""


class InDoubtError(RemoteError):
    """The call was sent and no proof of its effect came back; read back before anything else."""

    exit_code = ExitCode.IN_DOUBT


class RefusedError(RemoteError):
    """The other side refused the whole batch; the stage bisects it to find the record that is to blame.

    Attributes:
        code: the vendor's code; field: the vendor's field, where named; correlation: the vendor's request id.
    """

    exit_code = ExitCode.SET_ASIDE

    def __init__(
        self, what: str, *, code: str = "", field: str = "", correlation: str = "", why: str = "", fix: str = ""
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.code, self.field, self.correlation = code, field, correlation
