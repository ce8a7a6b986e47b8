"""The properties that every portal has, as far as a connector meets them: data, no logic."""

from __future__ import annotations

from typing import Any

_READ: dict[str, Any] = {"read_only": True}
_WHEN: dict[str, Any] = {"type": "datetime"}
_SEEN: dict[str, Any] = {"type": "datetime", "read_only": True}
_COUNT: dict[str, Any] = {"type": "number", "read_only": True}
_MADE: dict[str, Any] = {"type": "bool", "calculated": True}
_NUMBER: dict[str, Any] = {"type": "number"}


def _choice(*values: str) -> dict[str, Any]:
    return {"type": "enumeration", "options": {value: value.replace("_", " ").title() for value in values}}


LIFECYCLE = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist",
    "other",
)  # fmt: skip
"""The stages of a contact, in the order in which it may move on."""

GROUPS: dict[str, dict[str, str]] = {
    "deals": {"dealinformation": "Deal Information", "deal_activity": "Deal Activity"},
    "contacts": {"contactinformation": "Contact Information", "emailinformation": "Email Information"},
    "companies": {"companyinformation": "Company Information"},
    "tasks": {"task": "Task"},
    "calls": {"call": "Call"},
    "emails": {"email": "Email"},
    "meetings": {"meeting": "Meeting"},
    "notes": {"note": "Note"},
    "communications": {"communication": "Communication"},
}

_EVERY: dict[str, dict[str, Any]] = {
    "hs_object_id": _COUNT,
    "hs_lastmodifieddate": _SEEN,
    "hs_object_source": _READ,
    "hs_object_source_id": _READ,
    "hs_merged_object_ids": _READ,
    "hubspot_owner_id": {"type": "enumeration", "field_type": "select"},
}
_CLOCKS: dict[str, dict[str, Any]] = {
    "notes_last_contacted": _SEEN,
    "notes_last_updated": _SEEN,
    "notes_next_activity_date": _SEEN,
    "hs_last_sales_activity_timestamp": _SEEN,
    "num_contacted_notes": _COUNT,
    "num_notes": _COUNT,
}
_ENGAGEMENT: dict[str, dict[str, Any]] = {
    **_EVERY,
    "hs_createdate": _SEEN,
    "hs_timestamp": _WHEN,
    "hs_created_by": _COUNT,
}

STANDARD: dict[str, dict[str, dict[str, Any]]] = {
    "deals": {
        **_EVERY,
        **_CLOCKS,
        "createdate": _WHEN,
        "dealname": {},
        "dealstage": {"type": "enumeration", "field_type": "radio"},
        "pipeline": {"type": "enumeration"},
        "amount": _NUMBER,
        "amount_in_home_currency": {"type": "number", "calculated": True},
        "deal_currency_code": {"type": "enumeration", "options": {c: c for c in ("JPY", "USD", "EUR", "GBP", "CHF")}},
        "closedate": _WHEN,
        "closed_lost_reason": {"field_type": "textarea"},
        "closed_won_reason": {"field_type": "textarea"},
        "dealtype": _choice("newbusiness", "existingbusiness"),
        "description": {"field_type": "textarea"},
        "hs_is_closed": _MADE,
        "hs_is_closed_won": _MADE,
        "hs_is_closed_lost": _MADE,
        "hs_next_step": {},
        "hs_v2_date_entered_current_stage": _SEEN,
        "num_associated_contacts": _COUNT,
        "days_to_close": {"type": "number", "calculated": True},
    },
    "contacts": {
        **_EVERY,
        **_CLOCKS,
        "createdate": _WHEN,
        "lastmodifieddate": _SEEN,
        "email": {"unique": True},
        "firstname": {},
        "lastname": {},
        "jobtitle": {},
        "company": {},
        "associatedcompanyid": _NUMBER,
        "lifecyclestage": _choice(*LIFECYCLE),
        "hs_lead_status": _choice("NEW", "OPEN", "IN_PROGRESS", "UNQUALIFIED", "CONNECTED", "BAD_TIMING"),
        "hs_email_optout": {"type": "bool", "read_only": True},
        "hs_email_bounce": _COUNT,
        "hs_email_bad_address": _MADE,
        "hs_email_hard_bounce_reason_enum": _READ,
        "hs_sales_email_last_clicked": _SEEN,
        "hs_sales_email_last_opened": _SEEN,
        "hs_sales_email_last_replied": _SEEN,
        "hs_email_last_open_date": _SEEN,
        "hs_email_last_click_date": _SEEN,
        "hs_analytics_last_visit_timestamp": _SEEN,
        "recent_conversion_date": _SEEN,
        "hs_all_contact_vids": _READ,
        "hs_is_contact": _MADE,
    },
    "companies": {
        **_EVERY,
        **_CLOCKS,
        "createdate": _WHEN,
        "name": {},
        "domain": {},
        "country": {},
        "hs_country_code": {},
        "hs_timezone": {},
    },
    "tasks": {
        **_ENGAGEMENT,
        "hs_task_subject": {},
        "hs_task_body": {"field_type": "html"},
        "hs_task_status": _choice("NOT_STARTED", "IN_PROGRESS", "WAITING", "DEFERRED", "COMPLETED"),
        "hs_task_priority": _choice("NONE", "LOW", "MEDIUM", "HIGH"),
        "hs_task_type": _choice("EMAIL", "CALL", "TODO", "MEETING", "LINKED_IN"),
        "hs_task_reminders": {},
        "hs_task_completion_date": _SEEN,
    },
    "calls": {
        **_ENGAGEMENT,
        "hs_call_title": {},
        "hs_call_body": {"field_type": "html"},
        "hs_call_direction": _choice("INBOUND", "OUTBOUND"),
        "hs_call_status": _choice("COMPLETED", "NO_ANSWER", "BUSY", "CANCELED", "FAILED", "QUEUED"),
        "hs_call_duration": _NUMBER,
    },
    "emails": {
        **_ENGAGEMENT,
        "hs_email_subject": {},
        "hs_email_text": {"field_type": "textarea"},
        "hs_email_direction": _choice("EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL"),
        "hs_email_status": _choice("SENT", "SCHEDULED", "SENDING", "FAILED", "BOUNCED"),
    },
    "meetings": {
        **_ENGAGEMENT,
        "hs_meeting_title": {},
        "hs_meeting_body": {"field_type": "html"},
        "hs_meeting_start_time": _WHEN,
        "hs_meeting_end_time": _WHEN,
        "hs_meeting_outcome": _choice("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"),
    },
    "notes": {**_ENGAGEMENT, "hs_note_body": {"field_type": "html"}},
    "communications": {
        **_ENGAGEMENT,
        "hs_communication_channel_type": _choice("SMS", "WHATS_APP", "LINKEDIN_MESSAGE", "CUSTOM_CHANNEL_CONVERSATION"),
        "hs_communication_logged_from": _choice("CRM"),
        "hs_communication_body": {"field_type": "html"},
    },
}
"""Object type → property → what its definition says beyond its name."""
