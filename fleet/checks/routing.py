"""Where a hub's messages go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleet.checks.findings import Check
from fleet.description import BUILT_IN_ENDPOINT, Endpoint, EventHub, Fleet, Hub, Storage
from fleet.errors import Finding, Path, named, one_of, shown
from fleet.queries import route_fault

_RESERVED = {name.lower() for name in (BUILT_IN_ENDPOINT, "fileNotifications", "$default")}
_FILE_NAME_PARTS = ("{iothub}", "{partition}", "{YYYY}", "{MM}", "{DD}", "{HH}", "{mm}")
_ENRICHMENT_PATHS = ("$iothubname", "$twin.tags.", "$twin.properties.")


def _hubs(fleet: Fleet) -> Iterator[tuple[Path, Hub]]:
    for key, hub in fleet.on_azure.hubs.items():
        yield ("azure", "hubs", key), hub


def _names_are_free(fleet: Fleet) -> Iterator[Finding]:
    """Names that the hub keeps for itself: hub API 2023-06-30, `RoutingEventHubProperties.name`."""
    for path, hub in _hubs(fleet):
        for name in hub.endpoints:
            if name.lower() in _RESERVED:
                wrong = f"the hub keeps the name {shown(name)} for itself"
                yield Finding((*path, "endpoints", name), wrong, "choose another name", at_key=True)


def _one_name_is_one_target(fleet: Fleet) -> Iterator[Finding]:
    """What Muster makes for an endpoint is made once for all hubs that name it."""
    first: dict[str, tuple[Path, object]] = {}
    for path, hub in _hubs(fleet):
        for name, endpoint in hub.endpoints.items():
            place = (*path, "endpoints", name)
            target = _made(endpoint)
            if target is None:
                continue
            other, same = first.setdefault(name.lower(), (place, (name, target)))
            if same != (name, target):
                wrong = f"hub {named(str(other[2]))} has an endpoint of this name with another target"
                right = "say the same of both, for they share what Muster makes, or choose another name"
                yield Finding(place, wrong, right, needs=(other,))


def _made(endpoint: Endpoint) -> tuple[object, ...] | None:
    """What tells apart the targets that Muster makes; None where one exists."""
    if endpoint.existing is not None:
        return None
    match endpoint:
        case EventHub():
            return (EventHub, endpoint.partitions, endpoint.retention_days)
        case Storage():
            return (Storage, endpoint.container)
        case _:
            return (type(endpoint),)


def _endpoints_exist(fleet: Fleet) -> Iterator[Finding]:
    for path, hub in _hubs(fleet):
        for name, route in hub.routes.items():
            yield from _missing((*path, "routes", name, "endpoint"), route.endpoint, path, hub.endpoints)
        for key, enrichment in hub.enrichments.items():
            for index, endpoint in enumerate(enrichment.endpoints):
                place = (*path, "enrichments", key, "endpoints", index)
                yield from _missing(place, endpoint, path, hub.endpoints)


def _missing(path: Path, name: str, hub: Path, endpoints: Mapping[str, object]) -> Iterator[Finding]:
    if name != BUILT_IN_ENDPOINT and name not in endpoints:
        right = one_of([BUILT_IN_ENDPOINT, *endpoints], name, "endpoint")
        yield Finding(path, f"there is no endpoint {shown(name)}", right, needs=((*hub, "endpoints"),))


def _conditions_parse(fleet: Fleet) -> Iterator[Finding]:
    for path, hub in _hubs(fleet):
        for name, route in hub.routes.items():
            fault = route_fault(route.condition)
            if fault is not None:
                yield Finding((*path, "routes", name, "condition"), *fault)


def _messages_go_somewhere(fleet: Fleet) -> Iterator[Finding]:
    for path, hub in _hubs(fleet):
        routed = any(route.enabled and route.source == "DeviceMessages" for route in hub.routes.values())
        if not hub.fallback_route and not routed:
            wrong = "no route takes device messages, and no fallback either: they would be lost"
            yield Finding((*path, "fallbackRoute"), wrong, "add a route, or leave fallbackRoute out")


def _blobs_have_whole_names(fleet: Fleet) -> Iterator[Finding]:
    """Every part, in any order: hub API 2023-06-30, `RoutingStorageContainerProperties.fileNameFormat`."""
    for path, hub in _hubs(fleet):
        for name, endpoint in hub.endpoints.items():
            parts = _FILE_NAME_PARTS if isinstance(endpoint, Storage) else ()
            missing = [part for part in parts if str(getattr(endpoint, "file_names", "")).count(part) != 1]
            if missing:
                place = (*path, "endpoints", name, "storage", "fileNames")
                yield Finding(place, f"{', '.join(missing)} should stand in it once", "add what is missing")


def _enrichments_mean_something(fleet: Fleet) -> Iterator[Finding]:
    """A value is text, `$iothubname` or a path into a twin: "Message enrichments for device-to-cloud IoT Hub
    messages", learn.microsoft.com."""
    for path, hub in _hubs(fleet):
        for key, enrichment in hub.enrichments.items():
            if enrichment.value.startswith("$") and not enrichment.value.startswith(_ENRICHMENT_PATHS):
                place = (*path, "enrichments", key, "value")
                wrong = f"{shown(enrichment.value)} is no path that the hub knows"
                yield Finding(place, wrong, f"known: {', '.join(f'{path}…' for path in _ENRICHMENT_PATHS)}")


CHECKS: tuple[Check, ...] = (
    _names_are_free,
    _one_name_is_one_target,
    _endpoints_exist,
    _conditions_parse,
    _messages_go_somewhere,
    _blobs_have_whole_names,
    _enrichments_mean_something,
)
