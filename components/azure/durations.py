"""Spans of time as Azure's APIs write them: ISO 8601 in its shortest form, `PT15M`, `PT1H30M`, `P1D`."""

_MINUTES_A_DAY = 24 * 60


def iso(minutes: int) -> str:
    """A span of whole minutes, at least one; the shortest form, as some services answer with no other."""
    days, rest = divmod(minutes, _MINUTES_A_DAY)
    hours, left = divmod(rest, 60)
    date = f"{days}D" if days else ""
    time = (f"{hours}H" if hours else "") + (f"{left}M" if left else "")
    return f"P{date}T{time}" if time else f"P{date}"
