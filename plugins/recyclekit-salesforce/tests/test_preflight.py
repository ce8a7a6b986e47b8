"""What stands in the way of a run is found before it; what is missing is created after asking."""

from __future__ import annotations

import pytest

from recyclekit.errors import SignInError
from recyclekit.models.plan import ActionKind
from recyclekit.models.snapshot import Finding
from recyclekit.testing import create_task, set_fields
from recyclekit.testing.factories import OWN
from recyclekit.testing.sandbox import Fault, FaultKind
from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from recyclekit.testing.sandbox.salesforce.fields import pick, text
from recyclekit_salesforce.sink import SalesforceSink

from .conftest import Sink, Source

ALL = [ActionKind.SET_FIELDS, ActionKind.CREATE_TASK, ActionKind.ENROL]
WITHOUT_ENROL = ALL[:2]


def errors(sink: SalesforceSink, kinds: list[ActionKind] | None = None) -> dict[str, str]:
    """Return where → what of the errors."""
    return {f.where: f.what for f in sink.preflight(kinds or WITHOUT_ENROL) if f.level == "error"}


def levels(found: list[Finding], where: str) -> list[str]:
    return [one.level for one in found if one.where == where]


def test_a_fit_org_has_no_errors_and_is_told_its_loss_reasons(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.load(deals=[{"deal_id": "d", "crm_state": "lost", "lost_reason": "Price"}])
    campaign = crm.create("Campaign", Name="News", IsActive=True)
    found = sink(campaigns={"news": campaign}).preflight(ALL)
    assert [one.level for one in found] == ["note"]
    assert (found[0].where, "Price" in found[0].what) == ("Opportunity.Loss_Reason__c", True)


def test_a_field_that_may_only_be_read_is_named(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.lock_fields("Opportunity", "Recycle_Hook__c")
    assert list(errors(sink())) == ["Opportunity.Recycle_Hook__c"]


def test_a_hidden_field_and_a_missing_one_look_alike_and_both_are_named(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.hide("Task", "Recycle_Key__c")
    found = [one for one in sink().preflight(WITHOUT_ENROL) if one.level == "error"]
    assert [("Recycle_Key__c" in one.what, bool(one.fix)) for one in found] == [(True, True)]


def test_a_key_that_is_not_unique_and_a_field_of_another_type_are_errors(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.org.type("Task").add(text("Recycle_Key__c"))
    crm.org.type("Opportunity").add(text("Recycle_Next_On__c"))
    assert sorted(errors(sink())) == ["Opportunity.Recycle_Next_On__c", "Task.Recycle_Key__c"]


def test_a_restricted_picklist_is_a_warning(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.org.type("Opportunity").add(pick("Recycle_Channel__c", "phone", restricted=True))
    assert levels([*sink().preflight(WITHOUT_ENROL)], "Opportunity.Recycle_Channel__c") == ["warning"]


def test_a_status_or_priority_that_the_org_does_not_have_is_told_with_those_it_has(
    crm: SalesforceSandbox, sink: Sink
) -> None:
    found = [*sink(task_status="Todo", task_priority="Urgent").preflight(WITHOUT_ENROL)]
    assert (levels(found, "Task.Status"), levels(found, "Task.Priority")) == (["warning"], ["warning"])
    assert any("Not Started" in one.what for one in found)


def test_campaigns_are_looked_at_only_where_somebody_is_enrolled(crm: SalesforceSandbox, sink: Sink) -> None:
    assert not errors(sink())
    assert list(errors(sink(), ALL)) == ["settings.campaigns"]
    old = crm.create("Campaign", Name="Old", IsActive=False)
    found = [*sink(campaigns={"a": "701000000000000AAA", "b": old}).preflight(ALL)]
    assert levels(found, "settings.campaigns") == ["error", "warning"]


def test_a_status_that_a_campaign_does_not_have_is_an_error(crm: SalesforceSandbox, sink: Sink) -> None:
    campaign = crm.create("Campaign", Name="News", IsActive=True)
    known = {str(one.get("Label")) for one in crm.org.store.living("CampaignMemberStatus")} or {"Sent"}
    assert not errors(sink(campaigns={"a": campaign}, member_status=min(known)), ALL)
    if crm.objects["CampaignMemberStatus"]:
        assert list(errors(sink(campaigns={"a": campaign}, member_status="Nonsense"), ALL)) == [
            "settings.member_status"
        ]


def test_a_deputy_who_has_left_is_an_error(crm: SalesforceSandbox, sink: Sink) -> None:
    left = crm.org.add_user("Left", active=False)
    assert list(errors(sink(fallback_owner=left))) == ["settings.fallback_owner"]


def test_a_quota_that_is_spent_is_an_error(crm: SalesforceSandbox, sink: Sink) -> None:
    crm.faults.add(Fault(kind=FaultKind.DAILY_QUOTA, path="*/limits", times=None))
    assert list(errors(sink())) == ["limits"]


def test_a_sign_in_that_is_refused_is_told_once(crm: SalesforceSandbox, sink: Sink) -> None:
    found = sink(client_secret="wrong").preflight(ALL)
    assert [(one.level, bool(one.fix)) for one in found] == [("error", True)]


def test_an_org_without_a_loss_reason_is_told_so(crm: SalesforceSandbox, sink: Sink, source: Source) -> None:
    crm.hide("Opportunity", "Loss_Reason__c")
    notes = [one for one in sink().preflight(WITHOUT_ENROL) if one.level == "note"]
    assert ["lost_reason" in one.fix for one in notes] == [True]
    assert "lost_reason" not in source().mapped().fields["deals"]


# -- set-up ------------------------------------------------------------------------------------------------------------


def test_a_bare_org_gets_our_fields_and_the_right_to_write_them() -> None:
    with SalesforceSandbox(seed=1, own_fields=False) as crm:
        sink = opened(crm)
        assert len(sink.missing(WITHOUT_ENROL)) == 9
        (deal,) = crm.load(deals=[{"deal_id": "d", "crm_state": "lost"}]).deals.values()
        made = sink.set_up(WITHOUT_ENROL)
        assert len([one for one in made if "was created" in one.what]) == 9
        assert not opened(crm).missing(WITHOUT_ENROL)
        assert not opened(crm).set_up(WITHOUT_ENROL)
        assert not errors(opened(crm))
        receipts = opened(crm).write([set_fields(deal, OWN), create_task(deal, crm.org.person)])
        assert [one.state for one in receipts] == ["done", "done"]


def test_what_was_made_before_a_fault_stays_and_the_rest_follows() -> None:
    with SalesforceSandbox(seed=1, own_fields=False) as crm:
        crm.faults.add(
            Fault(kind=FaultKind.STATUS, status=403, code="INSUFFICIENT_ACCESS", path="*/CustomField", skip=4)
        )
        with pytest.raises(SignInError):
            opened(crm).set_up(WITHOUT_ENROL)
        assert crm.journal.count("*/CustomField", status=201) == 4
        opened(crm).set_up(WITHOUT_ENROL)
        assert not opened(crm).missing(WITHOUT_ENROL)
        assert not errors(opened(crm))


def test_a_user_who_may_not_change_the_org_is_told(crm: SalesforceSandbox) -> None:
    with SalesforceSandbox(seed=1, own_fields=False) as bare:
        bare.tooling.may = False
        with pytest.raises(SignInError, match="INSUFFICIENT_ACCESS"):
            opened(bare).set_up(WITHOUT_ENROL)


def opened(crm: SalesforceSandbox) -> SalesforceSink:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from recyclekit.connectors import Opening
    from recyclekit_salesforce.settings import SalesforceSettings

    return SalesforceSink(SalesforceSettings(**crm.settings), Opening(folder=Path(), timezone=ZoneInfo("Asia/Tokyo")))
