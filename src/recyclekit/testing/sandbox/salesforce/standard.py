"""The standard objects of a sales org with the standard fields that a deal-recycling connector meets."""

from __future__ import annotations

from collections.abc import Iterator

from recyclekit.testing.sandbox.salesforce.fields import Field, area, day, flag, link, moment, number, own, pick, text
from recyclekit.testing.sandbox.salesforce.objects import ObjectType

STAGES = (
    ("Prospecting", 10, "Pipeline"),
    ("Qualification", 10, "Pipeline"),
    ("Needs Analysis", 20, "Pipeline"),
    ("Proposal/Price Quote", 75, "Pipeline"),
    ("Negotiation/Review", 90, "Pipeline"),
    ("Closed Won", 100, "Closed"),
    ("Closed Lost", 0, "Omitted"),
)
"""Stage, probability, forecast category: a new org's, without the ones between."""
TASK_STATUSES = ("Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred")
PRIORITIES = ("High", "Normal", "Low")
MEMBER_STATUSES = (("Sent", False), ("Responded", True))
_SUBTYPES = ("Task", "Email", "ListEmail", "Cadence", "Call", "LinkedIn")


def standard_objects() -> Iterator[ObjectType]:
    """Make the objects anew, so that each org may add fields to its own."""
    yield from _people()
    yield _opportunity()
    yield from _around_opportunity()
    yield from _activities()
    yield from _campaigns()
    yield from _settings()


def _people() -> Iterator[ObjectType]:
    yield ObjectType.of(
        "Account", "Account", "001",
        text("Name", required=True, label="Account Name"),
        link("ParentId", "Account", children="ChildAccounts"),
        pick("Type", "Prospect", "Customer - Direct", "Other"), pick("Industry", "Banking", "Technology", "Other"),
        text("BillingCountry", 80), text("BillingCountryCode", 10), text("Site", 80),
        Field(name="Website", type="url", length=255),
        area("Description"), link("OwnerId", "User", required=True, label="Owner ID"),
        own(day("LastActivityDate", label="Last Activity")),
    )  # fmt: skip
    yield ObjectType.of(
        "Contact", "Contact", "003",
        link("AccountId", "Account", children="Contacts", label="Account ID"),
        text("LastName", 80, required=True, label="Last Name"), text("FirstName", 40, label="First Name"),
        own(text("Name", 121, label="Full Name")), Field(name="Email", type="email", length=80),
        Field(name="Phone", type="phone", length=40), text("Title", 128), text("MailingCountry", 80),
        flag("HasOptedOutOfEmail", label="Email Opt Out"), flag("DoNotCall", label="Do Not Call"),
        moment("EmailBouncedDate", create=True, label="Email Bounced Date"), text("EmailBouncedReason"),
        link("OwnerId", "User", required=True, label="Owner ID"),
        own(day("LastActivityDate", label="Last Activity")),
    )  # fmt: skip
    yield ObjectType.of(
        "Lead", "Lead", "00Q",
        text("LastName", 80, required=True), text("FirstName", 40), own(text("Name", 121)),
        text("Company", required=True), Field(name="Email", type="email", length=80),
        pick("Status", "Open - Not Contacted", "Working - Contacted", "Closed - Converted", required=True,
             default="Open - Not Contacted"),
        flag("HasOptedOutOfEmail"), flag("DoNotCall"), own(flag("IsConverted")),
        moment("EmailBouncedDate"), text("EmailBouncedReason"),
        link("OwnerId", "User", "Group", required=True), own(day("LastActivityDate")),
    )  # fmt: skip


def _opportunity() -> ObjectType:
    return ObjectType.of(
        "Opportunity", "Opportunity", "006",
        link("AccountId", "Account", children="Opportunities", label="Account ID"),
        text("Name", 120, required=True), area("Description"),
        pick("StageName", *(stage for stage, _, _ in STAGES), required=True, label="Stage"),
        number("Amount", "currency", scale=2), number("Probability", "percent"),
        day("CloseDate", required=True, label="Close Date"),
        pick("Type", "New Customer", "Existing Customer - Upgrade", label="Opportunity Type"),
        text("NextStep", label="Next Step"), pick("LeadSource", "Web", "Referral", "Other", label="Lead Source"),
        own(flag("IsClosed")), own(flag("IsWon")),
        own(pick("ForecastCategoryName", "Omitted", "Pipeline", "Closed", label="Forecast Category")),
        own(flag("HasOpportunityLineItem")), link("CampaignId", "Campaign", children="Opportunities"),
        link("RecordTypeId", "RecordType", label="Record Type ID"),
        link("OwnerId", "User", required=True, label="Owner ID"),
        link("ContactId", "Contact", update=False, relationship=None),
        own(day("LastActivityDate", label="Last Activity")),
        own(moment("LastStageChangeDate", label="Last Stage Change Date")),
        own(flag("HasOpenActivity", filterable=False, sortable=False)),
        own(flag("HasOverdueTask", filterable=False, sortable=False)),
        own(number("FiscalYear", "int")),
    )  # fmt: skip


def _around_opportunity() -> Iterator[ObjectType]:
    yield ObjectType.of(
        "OpportunityContactRole", "Opportunity Contact Role", "00K",
        link("OpportunityId", "Opportunity", children="OpportunityContactRoles", required=True, update=False),
        link("ContactId", "Contact", children="OpportunityContactRoles", required=True, update=False),
        pick("Role", "Decision Maker", "Evaluator", "Other"), flag("IsPrimary"),
    )  # fmt: skip
    yield ObjectType.of(
        "OpportunityHistory", "Opportunity History", "008",
        own(link("OpportunityId", "Opportunity", children="OpportunityHistories")),
        own(pick("StageName", *(stage for stage, _, _ in STAGES))), own(number("Amount", "currency")),
        own(number("Probability", "percent")), own(day("CloseDate")),
        read_only=True, plural="Opportunity Histories",
    )  # fmt: skip


def _activities() -> Iterator[ObjectType]:
    who, what = ("Contact", "Lead"), ("Account", "Opportunity", "Campaign")
    yield ObjectType.of(
        "Task", "Task", "00T",
        link("WhoId", *who, children="Tasks", label="Name ID"),
        link("WhatId", *what, children="Tasks", label="Related To ID"),
        text("Subject"), day("ActivityDate", label="Due Date Only"),
        pick("Status", *TASK_STATUSES, required=True, default="Not Started"),
        pick("Priority", *PRIORITIES, required=True, default="Normal"), area("Description"),
        pick("TaskSubtype", *_SUBTYPES, update=False, restricted=True, default="Task", label="Task Subtype"),
        pick("Type", "Call", "Email", "Meeting", "Other"), own(flag("IsClosed", label="Closed")),
        own(flag("IsArchived", label="Archived")), own(link("AccountId", "Account")),
        own(moment("CompletedDateTime", label="Completed Date")), number("CallDurationInSeconds", "int"),
        link("OwnerId", "User", "Group", required=True, label="Assigned To ID"),
    )  # fmt: skip
    yield ObjectType.of(
        "Event", "Event", "00U",
        link("WhoId", *who, children="Events", label="Name ID"),
        link("WhatId", *what, children="Events", label="Related To ID"),
        text("Subject"), day("ActivityDate"), moment("ActivityDateTime"), moment("StartDateTime"),
        moment("EndDateTime"), number("DurationInMinutes", "int"), flag("IsAllDayEvent"), area("Description"),
        pick("Type", "Call", "Email", "Meeting", "Other"), own(flag("IsArchived")),
        pick("EventSubtype", "Event", update=False, default="Event"),
        own(link("AccountId", "Account")), link("OwnerId", "User", required=True, label="Assigned To ID"),
    )  # fmt: skip


def _campaigns() -> Iterator[ObjectType]:
    yield ObjectType.of(
        "Campaign", "Campaign", "701",
        text("Name", 80, required=True), flag("IsActive"), pick("Type", "Email", "Other"),
        pick("Status", "Planned", "In Progress", "Completed", default="Planned"),
        day("StartDate"), day("EndDate"), link("OwnerId", "User", required=True),
    )  # fmt: skip
    yield ObjectType.of(
        "CampaignMember", "Campaign Member", "00v",
        link("CampaignId", "Campaign", children="CampaignMembers", required=True, update=False),
        link("LeadId", "Lead", children="CampaignMembers", update=False),
        link("ContactId", "Contact", children="CampaignMembers", update=False),
        pick("Status", *(status for status, _ in MEMBER_STATUSES)),
        own(flag("HasResponded", label="Responded")), own(day("FirstRespondedDate")),
    )  # fmt: skip
    yield ObjectType.of(
        "CampaignMemberStatus", "Campaign Member Status", "01Y",
        link("CampaignId", "Campaign", children="CampaignMemberStatuses", required=True, update=False,
             relationship=None),
        text("Label", 765, required=True), number("SortOrder", "int"), flag("HasResponded"), flag("IsDefault"),
        plural="Campaign Member Statuses",
    )  # fmt: skip


def _settings() -> Iterator[ObjectType]:
    yield ObjectType.of(
        "User", "User", "005",
        text("Username", 80, required=True), text("LastName", 80, required=True), text("FirstName", 40),
        own(text("Name", 121)), Field(name="Email", type="email", length=128, required=True),
        flag("IsActive", default=True), text("UserType", 40, create=False, update=False),
        text("TimeZoneSidKey", 40), text("FederationIdentifier", 512),
    )  # fmt: skip
    yield ObjectType.of(
        "Organization", "Organization", "00D",
        own(text("Name", 80)), own(text("OrganizationType", 40)), own(text("InstanceName", 5)),
        own(flag("IsSandbox")), own(text("TimeZoneSidKey", 40)), own(text("DefaultLocaleSidKey", 40)),
        read_only=True,
    )  # fmt: skip
    yield ObjectType.of(
        "OpportunityStage", "Opportunity Stage", "01J",
        own(text("MasterLabel", 255, label="Master Label")), own(text("ApiName", 255, label="API Name")),
        own(flag("IsActive")), own(flag("IsClosed")), own(flag("IsWon")), own(number("SortOrder", "int")),
        own(number("DefaultProbability", "percent")), own(text("ForecastCategoryName")), read_only=True,
    )  # fmt: skip
    yield ObjectType.of(
        "TaskStatus", "Task Status", "01T",
        own(text("MasterLabel")), own(text("ApiName")), own(flag("IsClosed")), own(flag("IsDefault")),
        own(number("SortOrder", "int")), read_only=True, plural="Task Statuses",
    )  # fmt: skip
    yield ObjectType.of(
        "RecordType", "Record Type", "012",
        text("Name", 80), text("DeveloperName", 80), text("SobjectType", 40), flag("IsActive"), read_only=True,
    )  # fmt: skip
    yield ObjectType.of(
        "PermissionSet", "Permission Set", "0PS",
        text("Name", 80, required=True), text("Label", 80, required=True), own(flag("IsOwnedByProfile")),
    )  # fmt: skip
    yield ObjectType.of(
        "PermissionSetAssignment", "Permission Set Assignment", "0Pa",
        link("AssigneeId", "User", children="PermissionSetAssignments", required=True, update=False),
        link("PermissionSetId", "PermissionSet", children="Assignments", required=True, update=False),
    )  # fmt: skip
    yield ObjectType.of(
        "FieldPermissions", "Field Permissions", "01k",
        link("ParentId", "PermissionSet", children="FieldPerms", required=True, update=False),
        text("SobjectType", required=True, update=False), text("Field", required=True, update=False),
        flag("PermissionsRead"), flag("PermissionsEdit"), plural="Field Permissions",
    )  # fmt: skip
    yield ObjectType.of(
        "CustomField", "Custom Field", "00N",
        text("FullName"), text("DeveloperName", 80), text("TableEnumOrId"), text("Description"), tooling=True,
    )  # fmt: skip
