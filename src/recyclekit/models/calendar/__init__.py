"""Business days (business, public), fiscal years (fiscal), and what a project file says of both (settings)."""

from recyclekit.models.calendar.business import BusinessCalendar, yearly
from recyclekit.models.calendar.fiscal import FiscalCalendar, next_decision
from recyclekit.models.calendar.settings import CalendarSettings, closed_days

__all__ = ["BusinessCalendar", "CalendarSettings", "FiscalCalendar", "closed_days", "next_decision", "yearly"]
