"""The command line: commands, rendering, and the one place where errors become words and exit codes.

Nothing heavy is imported here: `recyclekit --help` answers before Polars, SQLAlchemy or Prefect would have loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    from recyclekit import faultpoint
    from recyclekit.cli import loading

    loading.alone()
    faultpoint.arm_from_environment()
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; return its exit code. A user's mistake never shows a traceback."""
    from recyclekit.cli.called import at_hand

    with at_hand():
        return _run(argv)


def _run(argv: Sequence[str]) -> int:
    from cyclopts import CycloptsError

    from recyclekit.cli.logs import without_option
    from recyclekit.errors import ExitCode, RecyclekitError
    from recyclekit.observing.logs import begin

    as_json = "--json" in argv
    try:
        argv, wish = without_option(argv)
        begin(wish)
        from recyclekit.cli.app import app

        code = app(list(argv), exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError as error:
        if as_json:  # for a person, cyclopts has said it on stderr
            _document(" ".join(str(error).split()), fix="`recyclekit COMMAND --help` shows what it takes.")
        return ExitCode.USAGE
    except RecyclekitError as error:
        _say(error.what, error.why, error.fix, code=error.exit_code, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        from recyclekit.cli.stopping import may_have_written

        if may_have_written():
            fix = "What was under way can be taken up again: `recyclekit retry`."
            _say("Interrupted.", fix=fix, code=_INTERRUPTED, as_json=as_json)
        else:
            _say("Interrupted before anything was written.", code=_INTERRUPTED, as_json=as_json)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left, as `| head` does; nothing is wrong and nothing can be said any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if os.environ.get("RECYCLEKIT_DEBUG"):
            raise
        _say(
            f"Unexpected {type(error).__name__}: {error}",
            "This is a fault of recyclekit, not of yours; nothing more was done.",
            "Run it again with RECYCLEKIT_DEBUG=1 for the details, and report them.",
            as_json=as_json,
        )
        return ExitCode.FAILED
    return int(code or 0)


def _say(what: str, why: str = "", fix: str = "", *, code: int = 1, as_json: bool = False) -> None:
    from recyclekit.cli.terminal import complain
    from recyclekit.observing.redaction import redact

    what, why, fix = redact(what), redact(why), redact(fix)
    complain(what, why, fix)
    if as_json:
        _document(what, why, fix, code=code)


def _document(what: str, why: str = "", fix: str = "", *, code: int = 2) -> None:
    from recyclekit.cli.terminal import emit

    emit({"error": {"what": what, "why": why, "fix": fix, "exit_code": code}})
