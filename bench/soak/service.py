"""What the cloud holds at the end, read over its service APIs and its control surface."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.cloud import Cloud
from bench.soak.following import NUMBER
from provider.clients.credentials import DPS_SCOPE
from provider.clients.hub_service import API_VERSION, HUB_SCOPE, twin_path

_DPS_API_VERSION = "2021-10-01"


@dataclass(frozen=True)
class Held:
    """A device as a hub holds it."""

    hub: str
    version: int
    number: int
    reported: Mapping[str, Any]


@dataclass(frozen=True)
class Books:
    """All of it: devices of the hubs (one entry a hub and device), registrations, messages counted."""

    devices: tuple[tuple[str, Held], ...]
    registrations: tuple[tuple[str, str], ...]
    """Registration id and assigned hub."""
    messages: Mapping[str, int]
    """Telemetry by device, whichever hub."""


def read(cloud: Cloud, hubs: Iterable[str], dps: str, group: str, counters: Mapping[str, int]) -> Books:
    """The books of a stack's hubs and one enrollment group."""
    query: dict[str, object] = {"query": "SELECT * FROM devices"}
    twins = [
        (hub, twin)
        for hub in hubs
        for twin in cloud.pages(hub, HUB_SCOPE, "/devices/query", API_VERSION, query)
    ]
    found = cloud.pages(dps, DPS_SCOPE, f"/registrations/{group}/query", _DPS_API_VERSION, {})
    return Books(
        tuple((str(twin["deviceId"]), _held(hub, twin)) for hub, twin in twins),
        tuple((str(it["registrationId"]), str(it.get("assignedHub", ""))) for it in found),
        _messages(counters),
    )


def is_behind(cloud: Cloud, hub: str, agent: str) -> bool:
    """Whether a genuine agent has not reported the desired version of its twin."""
    twin = cloud.azure.hub(hub).get(twin_path(agent))
    held = None if twin is None else _held(hub, twin)
    return held is None or held.reported.get("desiredVersion") != held.version


def _held(hub: str, twin: Mapping[str, Any]) -> Held:
    desired, reported = twin["properties"]["desired"], twin["properties"]["reported"]
    return Held(hub, int(desired["$version"]), int(desired.get(NUMBER, 0)), reported)


def _messages(counters: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, count in counters.items():
        _, marked, device = key.partition("/telemetry/")
        if marked:
            found[device] = found.get(device, 0) + count
    return found
