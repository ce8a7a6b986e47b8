"""Custom fields of the sandbox's org: those that its sales people made for themselves, and those of recyclekit."""

from __future__ import annotations

from collections.abc import Mapping

from recyclekit.models.tables import Table
from recyclekit.testing.sandbox.salesforce.fields import Field, area, day, number, pick, text
from recyclekit.testing.sandbox.salesforce.org import Org

EXTERNAL = "External_Id__c"
KEY = "Recycle_Key__c"
LOSS_REASON = "Loss_Reason__c"

SALES: Mapping[Table, Mapping[str, Field]] = {
    Table.DEALS: {
        "external_id": text(EXTERNAL, external_id=True, unique=True, label="External ID"),
        "lost_reason": pick(LOSS_REASON, label="Loss Reason"),
        "lost_note": area("Loss_Note__c", label="Loss Note"),
        "next_approach_on": day("Next_Approach_Date__c", label="Next Approach Date"),
        "approach_person": text("Approach_Person__c", label="Approach Person"),
        "hook": text("Hook__c", label="Hook"),
        "competitor": text("Competitor__c", label="Competitor"),
        "contract_ends_on": day("Contract_Ends_On__c", label="Contract Ends On"),
        "need_type": number("Need_Type__c", label="Need Type"),
        "product": text("Product__c", label="Product"),
    },
    Table.ACCOUNTS: {
        "external_id": text(EXTERNAL, external_id=True, unique=True, label="External ID"),
        "country": text("BillingCountryCode", 10),
        "timezone": text("Time_Zone__c", 80, label="Time Zone"),
        "fiscal_year": text("Fiscal_Year__c", 80, label="Fiscal Year"),
        "contract_ends_on": day("Contract_Ends_On__c", label="Contract Ends On"),
    },
    Table.CONTACTS: {"external_id": text(EXTERNAL, external_id=True, unique=True, label="External ID")},
}
"""Canonical column → the field in which this org's people keep it, where Salesforce has none of its own."""
OWNERS = {Table.DEALS: "Opportunity", Table.ACCOUNTS: "Account", Table.CONTACTS: "Contact"}

OWN: Mapping[str, Field] = {
    "recycle_track": text("Recycle_Track__c", 80, label="Recycle track"),
    "recycle_reason": text("Recycle_Reason__c", 80, label="Recycle reason"),
    "recycle_next_on": day("Recycle_Next_On__c", label="Recycle: next approach"),
    "recycle_owner": text("Recycle_Owner__c", label="Recycle: next owner"),
    "recycle_channel": text("Recycle_Channel__c", 80, label="Recycle: channel"),
    "recycle_hook": area("Recycle_Hook__c", 4000, label="Recycle: hook"),
    "recycle_rule": text("Recycle_Rule__c", 120, label="Recycle: rule"),
    "recycle_cycle": number("Recycle_Cycle__c", label="Recycle: cycle"),
}
"""Our field → the field on Opportunity."""


def add_sales_fields(org: Org) -> None:
    """Add what the sales people made."""
    for table, fields in SALES.items():
        for field in fields.values():
            org.add_field(OWNERS[table], field)


def add_own_fields(org: Org) -> None:
    """Add what recyclekit writes: eight fields on Opportunity, a unique key on activities and campaign members."""
    for field in OWN.values():
        org.add_field("Opportunity", field)
    for owner in ("Task", "Event"):
        org.add_field(owner, text(KEY, external_id=True, unique=True, case_sensitive=True, label="Recycle key"))
    org.add_field("CampaignMember", text(KEY, label="Recycle key"))
