"""ISO 8601 durations as hubs' settings have them: days, hours, minutes, seconds."""

import re
from datetime import timedelta

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def duration(text: object, otherwise: timedelta) -> timedelta:
    """A duration such as PT1H; `otherwise` where there is none."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        return otherwise
    days, hours, minutes, seconds = (float(it or 0) for it in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
