"""The command line's table of contents: which command is which function, in the order in which --help shows them."""

from __future__ import annotations

from cyclopts import App, Group

from recyclekit import __version__
from recyclekit.cli.commands.apply import apply
from recyclekit.cli.commands.check import check
from recyclekit.cli.commands.connectors import app as connectors
from recyclekit.cli.commands.demo import demo
from recyclekit.cli.commands.explain import explain
from recyclekit.cli.commands.init import init
from recyclekit.cli.commands.plan import plan
from recyclekit.cli.commands.policy import app as policy
from recyclekit.cli.commands.report import report
from recyclekit.cli.commands.retry import retry
from recyclekit.cli.commands.run import run
from recyclekit.cli.commands.runs import runs
from recyclekit.cli.commands.undo import undo

START = Group.create_ordered("Start")
WORK = Group.create_ordered("Work")
ASK = Group.create_ordered("Ask")

app = App(
    name="recyclekit",
    version=__version__,
    help="Bring lost and stalled deals back: plan, look, apply, and undo if it was wrong.",
    help_epilogue="First time here? `recyclekit demo` shows everything on sample data and touches nothing of yours.",
    help_format="markdown",
)
for command in (demo, init, check):
    app.command(command, group=START)
for command in (plan, apply, run, retry, undo):
    app.command(command, group=WORK)
for command in (explain, runs, report):
    app.command(command, group=ASK)
for sub_app in (policy, connectors):
    sub_app.group = ASK
    app.command(sub_app)
