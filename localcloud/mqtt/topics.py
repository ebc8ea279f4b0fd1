"""Topic names and filters: which are right, and which filter takes which topic. Pure.

Source: OASIS "MQTT Version 3.1.1", 4.7. A filter that starts with a wildcard does not take topics that start
with `$` [4.7.2-1].
"""

SEPARATOR = "/"


def is_filter(text: str) -> bool:
    """Whether `+` stands for whole levels and `#` for the last ones."""
    levels = text.split(SEPARATOR)
    right = all(level == "+" or "+" not in level for level in levels)
    return bool(text) and right and "#" not in text[:-1] and levels[-1] in ("#", levels[-1].replace("#", ""))


def fits(topic_filter: str, topic: str) -> bool:
    """Whether the filter takes the topic."""
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    wanted, given = topic_filter.split(SEPARATOR), topic.split(SEPARATOR)
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(given) or level not in ("+", given[place]):
            return False
    return len(wanted) == len(given)
