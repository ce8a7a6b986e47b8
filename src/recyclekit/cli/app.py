"""The command line's table of contents: which command is which function, in the order in which --help shows them."""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App, Group

from recyclekit import __version__
from recyclekit.cli.commands.apply import apply
from recyclekit.cli.commands.check import check
from recyclekit.cli.commands.connectors import app as connectors
from recyclekit.cli.commands.demo import demo
from recyclekit.cli.commands.deploy import deploy
from recyclekit.cli.commands.erase import erase
from recyclekit.cli.commands.explain import explain
from recyclekit.cli.commands.init import init
from recyclekit.cli.commands.ledger import app as ledger
from recyclekit.cli.commands.plan import plan
from recyclekit.cli.commands.policy import app as policy
from recyclekit.cli.commands.reap import reap
from recyclekit.cli.commands.reject import reject
from recyclekit.cli.commands.report import report
from recyclekit.cli.commands.retry import retry
from recyclekit.cli.commands.run import run
from recyclekit.cli.commands.runs import runs
from recyclekit.cli.commands.sandbox import sandbox
from recyclekit.cli.commands.undo import undo

START = Group.create_ordered("Start")
WORK = Group.create_ordered("Work")
ASK = Group.create_ordered("Ask")
KEEP = Group.create_ordered("Keep house")

app = App(
    name="recyclekit",
    version=__version__,
    help="Bring lost and stalled deals back: plan, look, apply, and undo if it was wrong.",
    help_epilogue="First time here? `recyclekit demo` shows everything on sample data and touches nothing of yours.\n"
    "Logs: --log json or --log console on any command (or RECYCLEKIT_LOG), with a level as in --log json:debug.",
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # cli.run says what to do next
)
COMMANDS: tuple[tuple[Group, tuple[Callable[..., int], ...]], ...] = (
    (START, (demo, sandbox, init, check)),
    (WORK, (plan, apply, reject, run, retry, reap, undo, deploy)),
    (ASK, (explain, runs, report)),
    (KEEP, (erase,)),
)
for group, commands in COMMANDS:
    for place, command in enumerate(commands):
        app.command(command, group=group, sort_key=place)
for place, sub_app in enumerate((policy, connectors), start=3):
    sub_app.group, sub_app.sort_key = ASK, place
    app.command(sub_app)
ledger.group, ledger.sort_key = KEEP, 1
app.command(ledger)
