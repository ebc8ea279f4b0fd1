"""When a scheduled audit is due. Pure.

docs.aws.amazon.com/iot/latest/developerguide/AuditCommands.html: weekday for WEEKLY and BIWEEKLY, day of the
month for MONTHLY, and "if days 29-31 are specified, and the month does not have that many days, the audit
takes place on the LAST day". The time of day is the system's: here midnight, UTC.
"""

import calendar
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_FORTNIGHT = timedelta(days=14)


def fault(schedule: Mapping[str, Any]) -> str | None:
    """What a schedule lacks, or has too much."""
    frequency = schedule["frequency"]
    needed = {"MONTHLY": "dayOfMonth", "WEEKLY": "dayOfWeek", "BIWEEKLY": "dayOfWeek"}.get(frequency)
    for name in ("dayOfMonth", "dayOfWeek"):
        if (name == needed) != (name in schedule):
            return f"{name} is {'required' if name == needed else 'not allowed'} with frequency {frequency}."
    return None


def next_due(schedule: Mapping[str, Any], last: datetime, *, has_run: bool) -> datetime:
    """The first moment after `last` at which it is due; `last` is its last run, or when it was made."""
    frequency = schedule["frequency"]
    day = last.date() + timedelta(days=1)
    if frequency == "BIWEEKLY" and has_run:
        day = last.date() + _FORTNIGHT
    while not _fits(schedule, frequency, day):
        day += timedelta(days=1)
    return datetime.combine(day, time(), UTC)


def _fits(schedule: Mapping[str, Any], frequency: str, day: date) -> bool:
    if frequency == "DAILY":
        return True
    if frequency == "MONTHLY":
        last = calendar.monthrange(day.year, day.month)[1]
        wanted = schedule["dayOfMonth"]
        return day.day == (last if wanted == "LAST" else min(int(wanted), last))
    return bool(_DAYS[day.weekday()] == schedule["dayOfWeek"])
