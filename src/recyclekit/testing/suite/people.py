"""People: who opted out is left alone, and nobody's secrets are told."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator

import polars as pl
import pytest

from recyclekit.connectors.manifest import Capability, Level
from recyclekit.connectors.protocols import Erases, FindsByKey
from recyclekit.errors import RecyclekitError
from recyclekit.models.plan import ActionKind
from recyclekit.models.run import ReceiptState
from recyclekit.models.tables import Table
from recyclekit.testing.bench import Edits, Hurts, Looks, Trouble
from recyclekit.testing.factories import create_task, enrol, set_fields
from recyclekit.testing.proving import Tier, proves
from recyclekit.testing.stand import Stand
from recyclekit.testing.suite.honesty import secrets_of
from recyclekit.testing.suite.room import Room


class People(Room):
    """Tests of what is owed to people."""

    @proves(Tier.GOLD, Capability.READ_DEALS, Capability.READ_CONTACTS, Capability.ENROL, needs=(Edits, Looks))
    def test_an_opt_out_after_the_plan_is_heeded(self, stand: Stand) -> None:
        """Either the sink asks again before it enrols, or the deal's contact is read back for the drift check."""
        if Table.CONTACTS not in stand.bench.seedable():
            pytest.skip("needs a bench that seeds contacts")
        deal = stand.seed_one()
        contact = stand.deals([deal])[deal]["contact_id"]
        stand.people.opt_out(contact)
        seen = contact in _opted_out(stand, deal) if _reads_back(stand) else False
        if not seen:
            receipts = stand.write([enrol(deal, stand.bench.track, stand.bench.owner)])
            assert stand.view.enrolments(deal) == 0, "somebody who asked not to be mailed was enrolled"
            assert {r.state for r in receipts.values()} <= {ReceiptState.SKIPPED, ReceiptState.FAILED}

    @proves(Tier.GOLD, Capability.WRITE_FIELDS, witness=Capability.ERASE, needs=(Looks,))
    def test_what_was_written_about_a_person_can_be_erased(self, stand: Stand) -> None:
        """All of it, whoever worked on it since; nothing of others; and twice has one effect."""
        gone, stays = stand.seed_deals(2)
        kinds = stand.kinds()
        for deal in (gone, stays):
            actions = [set_fields(deal, stand.own())]
            actions += [create_task(deal, stand.bench.owner)] if ActionKind.CREATE_TASK in kinds else []
            actions += [enrol(deal, stand.bench.track, stand.bench.owner)] if ActionKind.ENROL in kinds else []
            stand.done(actions)
        before = _about(stand, stays)
        sink = stand.sink()
        assert isinstance(sink, Erases), "the sink has no method `erase` (protocol Erases)"
        assert stand.patiently(lambda: sink.erase([gone])) == len(kinds), "say how many things were erased"
        assert not any(_about(stand, gone)), "something of an erased person is left"
        assert _about(stand, stays) == before, "something of somebody else went, too"
        assert stand.patiently(lambda: stand.sink().erase([gone, "nobody"])) == 0  # type: ignore[attr-defined]  # as above

    @proves(Tier.BRONZE, Capability.READ_DEALS)
    def test_secrets_show_nowhere(
        self, stand: Stand, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        secrets = secrets_of(stand.config)
        caplog.set_level(logging.DEBUG)
        said = list(_everything_said(stand))
        said += [record.getMessage() for record in caplog.records]
        said += list(capsys.readouterr())
        text = "\n".join(said)
        told = [name for name, secret in secrets.items() if secret in text]
        where = [one[:200] for one in said for secret in secrets.values() if secret in one][:3]
        assert not told, f"the secret {told[0]} shows in: {where}"


def _reads_back(stand: Stand) -> bool:
    support = stand.manifest.capabilities.get(Capability.READ_BACK)
    return support is not None and support.level is Level.FULL


def _opted_out(stand: Stand, deal: str) -> list[str]:
    """Return the contacts of a deal that have opted out, as the drift check reads them."""
    contacts = stand.read_back([deal], tables=(Table.DEALS, Table.CONTACTS)).contacts
    if "opted_out" not in contacts.columns:
        return []
    return contacts.filter(pl.col("opted_out"))["contact_id"].to_list()


def _about(stand: Stand, deal: str) -> tuple[list[str], list[str], int]:
    """Return what stands in the system that we wrote about a deal: values of fields, keys of tasks, enrolments."""
    fields = [value for value in stand.view.fields(deal).values() if value is not None]
    return fields, list(stand.view.tasks(deal)), stand.view.enrolments(deal)


def _everything_said(stand: Stand) -> Iterator[str]:
    """Yield all that a connector says of itself while it reads, writes and runs into every trouble there is."""
    deal = stand.seed_one()
    source = stand.source()
    yield from (repr(source), str(vars(source)) if hasattr(source, "__dict__") else "")
    yield from (page.cursor for page in stand.pages(Table.DEALS))
    if stand.manifest.open_sink is None or not stand.kinds():
        return
    sink, action = stand.sink(), set_fields(deal, stand.own())
    yield from (repr(sink), str(vars(sink)) if hasattr(sink, "__dict__") else "")
    yield _told(lambda: (sink.preflight(stand.kinds()), sink.write([action])))
    yield _told(lambda: sink.find([action]) if isinstance(sink, FindsByKey) else None)
    if not isinstance(stand.anything, Hurts):
        return
    for trouble in Trouble:
        support = stand.accidents.troubles().get(trouble)
        if support is None or support.level is not Level.FULL:
            continue
        stand.accidents.hurt(trouble, times=None, wait=1)
        yield _told(lambda: list(stand.pages(Table.DEALS)))
        yield _told(lambda: stand.sink().write([set_fields(deal, stand.own(), run="r2")]))
        stand.accidents.heal()


def _told(call: Callable[[], object]) -> str:
    """Return what a call answers, or the error with its causes and their words."""
    try:
        return repr(call())
    except RecyclekitError as error:
        return "".join(traceback.format_exception(error, chain=True)) + repr(vars(error))
