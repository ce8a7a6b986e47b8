"""Each fault of the other side, one by one: asked again, given up, or told; never believed, never lost."""

from __future__ import annotations

import logging

import pytest

from recyclekit.errors import QuotaError, RemoteError, RetryableError, SignInError
from recyclekit.models.tables import Table
from recyclekit.testing.factories import OWN, set_fields
from recyclekit.testing.sandbox.faults import Fault, FaultKind
from recyclekit_hubspot.columns import ID

from .conftest import Opener, Portal, read_all, rows

COLUMNS = [ID, "dealname"]


def read(portal: Portal, **settings: object) -> list[str]:
    return sorted(rows(read_all(portal.source(**settings), Table.DEALS, COLUMNS))[ID].to_list())


PASSING = [
    Fault(kind=FaultKind.STATUS, status=429, retry_after=3),
    Fault(kind=FaultKind.STATUS, status=429),
    Fault(kind=FaultKind.STATUS, status=423),
    Fault(kind=FaultKind.STATUS, status=477, retry_after=20),
    Fault(kind=FaultKind.STATUS, status=500),
    Fault(kind=FaultKind.STATUS, status=503, times=3),
    Fault(kind=FaultKind.STATUS, status=524),
    Fault(kind=FaultKind.HTML, status=502),
    Fault(kind=FaultKind.RESET),
    Fault(kind=FaultKind.CUT_OFF),
    Fault(kind=FaultKind.LOST_ANSWER),
    Fault(kind=FaultKind.LYING_200),
    Fault(kind=FaultKind.LYING_200, body="{}"),
    Fault(kind=FaultKind.LYING_200, body='{"results":[{"id":"1"'),
    Fault(kind=FaultKind.SLOW, seconds=30),
]


def named(fault: Fault) -> str:
    return f"{fault.kind}-{fault.status}-{(fault.body or '')[:8]}"


@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_a_fault_that_passes_costs_a_reading_nothing(portal: Portal, fault: Fault) -> None:
    made = portal.deals(320)
    portal.crm.faults.add(fault.model_copy(update={"path": "*/objects/deals", "skip": 1}))
    assert read(portal) == sorted(made)


@pytest.mark.parametrize("fault", PASSING, ids=named)
def test_a_fault_that_passes_costs_a_write_nothing_and_writes_nothing_twice(portal: Portal, fault: Fault) -> None:
    deals = portal.deals(320)
    portal.crm.faults.add(fault.model_copy(update={"path": "*/batch/update", "skip": 1}))
    receipts = portal.sink().write([set_fields(deal, OWN) for deal in deals])
    assert {str(r.state) for r in receipts} == {"done"}
    assert all(portal.crm.objects["deals"][deal].properties["recycle_track"] == "timing" for deal in deals)


def test_silence_ends_by_our_own_clock(portal: Portal) -> None:
    made = portal.deals(3)
    portal.crm.faults.add(Fault(kind=FaultKind.SILENCE, path="*/objects/deals"))
    assert read(portal, read_timeout=0.2) == sorted(made)


def test_a_system_that_stays_down_is_given_up_after_so_many_tries(portal: Portal) -> None:
    portal.crm.faults.add(Fault(kind=FaultKind.STATUS, status=503, times=None))
    with pytest.raises(RetryableError):
        read(portal, tries=4)
    assert len(portal.crm.journal) == 4


def test_a_system_that_is_not_there_is_named(portal: Portal) -> None:
    settings = {"url": "http://127.0.0.1:9", "tries": 2, "connect_timeout": 1}
    with pytest.raises(RetryableError, match="cannot be reached"):
        read(portal, **settings)


def test_a_429_holds_back_every_thread_for_as_long_as_it_says(portal: Portal) -> None:
    portal.deals(900)
    portal.crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, retry_after=17, path="*/objects/deals", skip=2))
    read(portal)
    refused, *later = [c for c in portal.crm.journal if c.path.endswith("/deals")][2:]
    assert refused.status == 429
    assert min((call.at - refused.at).total_seconds() for call in later) >= 17


def test_the_quota_of_the_day_stops_at_once_and_stays_stopped(portal: Portal) -> None:
    portal.deals(3)
    source = portal.source()
    portal.crm.faults.add(Fault(kind=FaultKind.DAILY_QUOTA))
    with pytest.raises(QuotaError, match="used up"):
        read_all(source, Table.DEALS, COLUMNS)
    assert len(portal.crm.journal) == 1
    with pytest.raises(QuotaError, match="left"):
        read_all(source, Table.DEALS, COLUMNS)
    assert len(portal.crm.journal) == 1, "nothing is sent any more"


def test_the_last_calls_of_the_day_are_left_to_other_apps(opened: Opener) -> None:
    portal = opened(daily=30)
    portal.deals(4)
    source = portal.source(keep_calls=25, page_size=1, parallel=False)
    read_all(source, Table.DEALS, COLUMNS)
    with pytest.raises(QuotaError, match="25 are left to others"):
        read_all(source, Table.DEALS, COLUMNS)
    assert portal.crm.quota is not None
    assert portal.crm.quota.used == 5


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (Fault(kind=FaultKind.STATUS, status=530), "does not take the token for one"),
        (Fault(kind=FaultKind.STATUS, status=401), "refused the sign-in"),
        (Fault(kind=FaultKind.STATUS, status=403), "does not allow this call"),
    ],
)
def test_what_is_wrong_with_signing_in_is_told_and_not_tried_again(portal: Portal, fault: Fault, word: str) -> None:
    portal.crm.faults.add(fault)
    with pytest.raises(SignInError, match=word):
        read(portal)
    assert len(portal.crm.journal) == 1


def test_a_revoked_token_is_told(portal: Portal) -> None:
    source = portal.source()
    portal.crm.sign_in.rotate()
    with pytest.raises(SignInError):
        read_all(source, Table.DEALS, COLUMNS)


def test_a_missing_scope_is_named(portal: Portal) -> None:
    portal.crm.sign_in.scopes.discard("crm.objects.deals.read")
    with pytest.raises(SignInError, match=r"crm\.objects\.deals\.read"):
        read(portal)


def oauth(portal: Portal) -> dict[str, object]:
    grant = portal.crm.oauth
    given = {name: getattr(grant, name) for name in ("client_id", "client_secret", "refresh_token")}
    return {"token": None, "oauth": given}


def test_a_token_that_expires_on_the_way_is_renewed_and_nothing_is_lost(portal: Portal) -> None:
    made = portal.deals(900)
    portal.crm.faults.add(Fault(kind=FaultKind.TOKEN_EXPIRED, path="*/objects/deals", skip=3))
    assert read(portal, **oauth(portal)) == sorted(made)
    assert portal.crm.journal.count("*/oauth/*") == 2


def test_a_token_is_renewed_before_its_half_hour_is_over(portal: Portal) -> None:
    made = portal.deals(3)
    source = portal.source(**oauth(portal))
    read_all(source, Table.DEALS, COLUMNS)
    portal.clock.advance(1_790)
    assert sorted(rows(read_all(source, Table.DEALS, COLUMNS))[ID]) == sorted(made)
    assert not portal.crm.journal.calls(status=401)


def test_a_refresh_token_that_is_dead_asks_for_a_new_installation(portal: Portal) -> None:
    given = oauth(portal)
    portal.crm.oauth.refresh_token = ""
    with pytest.raises(SignInError, match="Install the app in the account again"):
        read(portal, **given)


def test_a_token_address_that_is_throttled_is_asked_again(portal: Portal) -> None:
    made = portal.deals(3)
    portal.crm.faults.add(Fault(kind=FaultKind.STATUS, status=429, path="/oauth/*"))
    assert read(portal, **oauth(portal)) == sorted(made)


def test_the_window_of_ten_seconds_is_never_too_full(opened: Opener) -> None:
    portal = opened(burst=100)
    portal.deals(2_400)
    source = portal.source()
    for _ in range(6):
        read_all(source, Table.DEALS, [ID])
    sink = portal.sink()
    sink.write([set_fields(deal, OWN) for deal in list(portal.crm.objects["deals"])[:800]])
    assert not [call for call in portal.crm.journal.calls(status=429) if not call.path.endswith("/search")]


def test_the_window_of_one_second_is_never_too_full(portal: Portal) -> None:
    portal.deals(60)
    portal.clock.advance(3_600)
    [*_, last] = read_all(portal.source(), Table.DEALS, [ID])
    portal.clock.advance(3_600)
    source = portal.source(page_size=2)
    assert len(read_all(source, Table.DEALS, [ID], after=last.cursor)) == 30
    assert not portal.crm.journal.calls(status=429)
    assert portal.crm.journal.most_within(1 - 1e-6, "*/search") == 5


def test_a_burst_of_our_own_is_kept_even_where_hubspot_allows_more(portal: Portal) -> None:
    portal.deals(60)
    read(portal, burst=10, page_size=2)
    assert portal.crm.journal.most_within(10 - 1e-6, "*/objects/deals") <= 10


def test_a_list_that_turns_in_circles_ends(portal: Portal) -> None:
    page = '{"results":[{"id":"7","properties":{"hs_object_id":"7"}}],"paging":{"next":{"after":"8"}}}'
    portal.crm.faults.add(Fault(kind=FaultKind.LYING_200, body=page, path="*/objects/deals", times=None))
    with pytest.raises(RemoteError, match="turns in circles"):
        read(portal)


def test_of_a_page_with_a_record_that_is_none_the_others_are_kept(portal: Portal) -> None:
    page = '{"results":[{"id":"7","properties":{"hs_object_id":"7","dealname":"x"}},{"odd":1}]}'
    portal.crm.faults.add(Fault(kind=FaultKind.LYING_200, body=page, path="*/objects/deals", times=None))
    [got] = read_all(portal.source(parallel=False), Table.DEALS, COLUMNS)
    assert got.records[ID].to_list() == ["7"]
    assert got.set_aside.select("stage", "table", "code").rows() == [("extract", "deals", "no_record")]


def test_a_read_of_single_records_that_names_a_real_error_is_not_taken_for_an_answer(portal: Portal) -> None:
    [deal] = portal.deals(1)
    body = '{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"category":"VALIDATION_ERROR","message":"no"}]}'
    portal.crm.faults.add(Fault(kind=FaultKind.LYING_200, body=body, path="*/batch/read", times=None))
    with pytest.raises(RemoteError, match="refused to read"):
        portal.sink().read_back([deal], {Table.DEALS: COLUMNS})


def test_no_secret_is_logged_or_told(portal: Portal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    portal.deals(1)
    portal.crm.faults.add(Fault(kind=FaultKind.STATUS, status=401, skip=1, path="*/objects/deals"))
    read(portal)
    with pytest.raises(SignInError) as raised:
        read(portal)
    told = caplog.text + str(raised.value) + repr(raised.value) + repr(portal.settings())
    assert portal.crm.token not in told
    assert portal.crm.token.removeprefix("pat-na1-") not in told
