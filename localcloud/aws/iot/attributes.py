"""Attributes of things and groups: how a payload changes them, and how many there may be.

AWS IoT quotas: 3 attributes for a thing without a type, 50 with one, 50 for a group; an empty value removes
(docs.aws.amazon.com/general/latest/gr/iot-core.html, API_AttributePayload).
"""

from typing import Any

from localcloud.aws.iot.refusals import invalid

WITHOUT_TYPE = 3
MOST = 50


def changed(before: dict[str, str], payload: dict[str, Any] | None, most: int) -> dict[str, str]:
    """The attributes after an update: replaced, or merged. Raises ApiError."""
    if payload is None or "attributes" not in payload:
        return within(before, most)
    given: dict[str, str] = payload["attributes"]
    base = before if payload.get("merge") else {}
    return within({key: it for key, it in {**base, **given}.items() if it != ""}, most)


def within(attributes: dict[str, str], most: int) -> dict[str, str]:
    """The same, when there are not too many. Raises ApiError."""
    if len(attributes) > most:
        raise invalid(f"There are {len(attributes)} attributes; the maximum here is {most}.")
    return attributes
