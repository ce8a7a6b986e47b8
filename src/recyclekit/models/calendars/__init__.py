"""Which days are business days (business), and when fiscal years begin (fiscal). Arithmetic only: no clock, no I/O."""

from recyclekit.models.calendars.business import BusinessCalendar, yearly
from recyclekit.models.calendars.fiscal import FiscalCalendar, next_decision

__all__ = ["BusinessCalendar", "FiscalCalendar", "next_decision", "yearly"]
