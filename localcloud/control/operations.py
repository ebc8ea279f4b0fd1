"""Which limit an operation counts against. Pure: tables of methods, paths and topics.

"Each API call on DPS is billable as one Operation" (azure-docs/includes/iot-dps-limits.md of 2021-06-15).
Whether the throttle counts a bulk call once, or once for each enrollment in it, is not published: it counts
once, as billing does, unless the test asks for rows.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from localcloud.calls import BadBodyError, Call

GLOBAL_DPS = "global.azure-devices-provisioning.net"
_DPS_ZONE, _HUB_ZONE = ".azure-devices-provisioning.net", ".azure-devices.net"
_METER_KILOBYTES = 4


class Operation(NamedTuple):
    """What counts: `owner` is a hub's or service's host, an id scope, or a device in it."""

    owner: str
    limit: str
    cost: int = 1


def _one(_call: Call) -> int:
    return 1


def _kilobytes(call: Call) -> int:
    """A direct method's payload in steps of 4 KB, one at least."""
    return max(1, -(-len(call.raw) // (_METER_KILOBYTES * 1000))) * _METER_KILOBYTES


_HUB: list[tuple[str, str, str, Callable[[Call], int]]] = [  # the first that fits counts
    ("POST", "/devices/query", "queries", _one),
    ("POST", "/devices/[^/]+/messages/events", "telemetry", _one),
    ("GET", "/devices/[^/]+/messages/devicebound", "cloud-to-device-receives", _one),
    ("POST", "/_local/devices/[^/]+/messages/devicebound", "cloud-to-device-sends", _one),
    ("POST", "/devices/[^/]+/files", "file-uploads", _one),
    ("POST", "/devices/[^/]+/applyconfigurationcontent", "configurations", _one),
    ("GET", "/twins/.*", "twin-reads", _one),
    ("PUT|PATCH", "/twins/.*", "twin-updates", _one),
    ("POST", "/twins/.*/methods", "method-kilobytes", _kilobytes),
    (".*", "/configurations.*", "configurations", _one),
    (".*", "/jobs.*", "jobs", _one),
    (".*", "/devices(/[^/]+)?(/modules(/[^/]+)?)?", "identity", _one),
    (".*", "/statistics/.*", "identity", _one),
]
_PATTERNS = [
    (re.compile(f"({method}) {path}/?", re.IGNORECASE), limit, cost) for method, path, limit, cost in _HUB
]
_DEVICE_API = re.compile(r"/([^/]+)/registrations/([^/]+)(/register|/operations/[^/]+)?/?", re.IGNORECASE)
_TOPICS = [
    ("$iothub/twin/GET/", "twin-reads"),
    ("$iothub/twin/PATCH/properties/reported/", "twin-updates"),
    ("$dps/registrations/PUT/", "registrations"),
    ("$dps/registrations/GET/", "polls"),
    ("devices/", "telemetry"),
]


def of_call(call: Call, *, rows: bool = False) -> Operation | None:
    """What an HTTPS request counts as; None for what has no published limit here (ARM, Entra).

    With `rows` a bulk call counts each of its enrollments.
    """
    if call.host == GLOBAL_DPS:
        return _of_device_api(call)
    if call.host.endswith(_DPS_ZONE):
        if _DEVICE_API.fullmatch(call.path):
            return _of_device_api(call)
        return Operation(call.host, "operations", _rows(call) if rows else 1)
    if call.host.endswith(_HUB_ZONE):
        return _of_hub_call(call)
    return None


def of_message(host: str, topic: str, device: str) -> Operation | None:
    """What a device's MQTT message counts as. `device` is "{id scope}/{registration id}" on DPS."""
    for prefix, limit in _TOPICS:
        if topic.startswith(prefix):
            owner = {"registrations": device.partition("/")[0], "polls": device}.get(limit, host)
            return Operation(owner, limit)
    return None


def _of_device_api(call: Call) -> Operation | None:
    found = _DEVICE_API.fullmatch(call.path)
    if not found:
        return None
    scope, device, what = found.groups()
    if what and what.lower() == "/register":
        return Operation(scope.lower(), "registrations")
    return Operation(f"{scope}/{device}".lower(), "polls")


def _of_hub_call(call: Call) -> Operation | None:
    asked = f"{call.method} {call.path}"
    for pattern, limit, cost in _PATTERNS:
        if pattern.fullmatch(asked):
            return Operation(call.host, limit, cost(call))
    return None


def _rows(call: Call) -> int:
    """How many enrollments a bulk call has; 1 for any other call, and for what is no bulk after all."""
    if call.method != "POST" or call.path.rstrip("/").lower() != "/enrollments":
        return 1
    try:
        listed = call.document().get("enrollments")
    except BadBodyError:
        return 1
    return max(1, len(listed)) if isinstance(listed, list) else 1
