"""Devices that are named one by one: their gateways, their children, their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fleet.checks.findings import Check, unknown
from fleet.description import Device, Fleet, SymmetricKey, Thumbprints
from fleet.errors import Finding, Path, named, shown

_CHILDREN_MOST = 100
"""By default: "Understand Azure IoT Edge limits and restrictions", learn.microsoft.com."""
_LAYERS_MOST = 5
"""Layers of IoT Edge devices below one: the same page."""


def _hubs_exist(fleet: Fleet) -> Iterator[Finding]:
    for key, device in fleet.devices.items():
        path: Path = ("devices", key, "hub")
        yield from unknown(path, device.hub, fleet.on_azure.hubs, "hub", ("azure", "hubs"))


def _parents_are_gateways(fleet: Fleet) -> Iterator[Finding]:
    for key, device in fleet.devices.items():
        if device.parent is None:
            continue
        path: Path = ("devices", key, "parent")
        yield from unknown(path, device.parent, fleet.devices, "device", ("devices",))
        parent = fleet.devices.get(device.parent)
        if parent is not None:
            yield from _wrong_parent(path, device, parent)


def _wrong_parent(path: Path, device: Device, parent: Device) -> Iterator[Finding]:
    name = named(str(device.parent))
    above: Path = ("devices", str(device.parent))
    if not parent.edge:
        wrong = f"{name} is no IoT Edge device, and only such a one can have children"
        yield Finding(
            path, wrong, f"set edge of {name} to true, or name a gateway", needs=((*above, "edge"),)
        )
    if parent.hub != device.hub:
        wrong = f"{name} is in hub {named(parent.hub)}, its child in {named(device.hub)}"
        needs = ((*above, "hub"), (*path[:-1], "hub"))
        yield Finding(path, wrong, "parent and child are in one hub", needs=needs)


def _nobody_is_behind_himself(fleet: Fleet) -> Iterator[Finding]:
    told: set[str] = set()
    for key in fleet.devices:
        ring = _ring(key, fleet)
        if ring and not told & set(ring):
            told |= set(ring)
            way = " behind ".join(named(each) for each in [*ring, ring[0]])
            yield Finding(("devices", ring[0], "parent"), f"a ring: {way}", "one of them has no parent")


def _ring(key: str, fleet: Fleet) -> list[str]:
    """The ring of parents that begins and ends at `key`; empty when there is none."""
    way = [key]
    while (parent := fleet.devices[way[-1]].parent) in fleet.devices and parent is not None:
        if parent in way:
            return way if parent == key else []
        way.append(parent)
    return []


def _hierarchies_are_shallow(fleet: Fleet) -> Iterator[Finding]:
    for key, device in fleet.devices.items():
        above = _gateways_above(key, fleet)
        if device.edge and above == _LAYERS_MOST + 1:
            wrong = f"{above} layers of gateways stand above it"
            right = f"a gateway has at most {_LAYERS_MOST} layers of IoT Edge devices below it"
            yield Finding(("devices", key, "parent"), wrong, right)


def _gateways_above(key: str, fleet: Fleet) -> int:
    seen: list[str] = []
    parent = fleet.devices[key].parent
    while parent is not None and parent in fleet.devices and parent not in seen:
        seen.append(parent)
        parent = fleet.devices[parent].parent
    return len(seen)


def _families_are_small(fleet: Fleet) -> Iterator[Finding]:
    children = Counter(device.parent for device in fleet.devices.values() if device.parent is not None)
    for parent, count in children.items():
        if count > _CHILDREN_MOST and parent in fleet.devices:
            wrong = f"{count} children"
            right = f"a gateway has at most {_CHILDREN_MOST}: add another gateway"
            yield Finding(("devices", parent), wrong, right, at_key=True)


def _keys_open_the_hub(fleet: Fleet) -> Iterator[Finding]:
    for key, device in fleet.devices.items():
        hub = fleet.on_azure.hubs.get(device.hub)
        if isinstance(device.authentication, SymmetricKey) and hub and not hub.local_auth.devices:
            wrong = f"it signs in with a key, and hub {named(device.hub)} takes none"
            right = "set localAuth.devices of the hub to true, or authenticate by certificate"
            needs: Path = ("azure", "hubs", device.hub, "localAuth")
            yield Finding(("devices", key, "authentication"), wrong, right, needs=(needs,))


def _modules_can_sign_in(fleet: Fleet) -> Iterator[Finding]:
    """A module of which no more is said has keys that the hub makes (hub API 2021-04-12, `Module`)."""
    for key, device in fleet.devices.items():
        hub = fleet.on_azure.hubs.get(device.hub)
        if device.modules and hub and not hub.local_auth.modules:
            wrong = f"modules sign in with keys, and hub {named(device.hub)} takes none of theirs"
            right = "set localAuth.modules of the hub to true, or leave modules out"
            needs: Path = ("azure", "hubs", device.hub, "localAuth")
            yield Finding(("devices", key, "modules"), wrong, right, needs=(needs,))


def _thumbprints_differ(fleet: Fleet) -> Iterator[Finding]:
    for key, device in fleet.devices.items():
        match device.authentication:
            case Thumbprints(primary=primary, secondary=str(secondary)) if (
                primary.lower() == secondary.lower()
            ):
                path: Path = ("devices", key, "authentication", "thumbprints", "secondary")
                yield Finding(path, "the primary thumbprint again", "leave it out until there is another")


def _modules_are_ours(fleet: Fleet) -> Iterator[Finding]:
    """`$edgeAgent` and `$edgeHub` are made by the hub: "Understand IoT Edge modules", learn.microsoft.com."""
    for key, device in fleet.devices.items():
        for module in device.modules:
            if module.startswith("$"):
                wrong = f"{shown(module)} is the hub's own"
                right = "choose an id without $; what $edgeAgent is told stands in a configuration"
                yield Finding(("devices", key, "modules", module), wrong, right, at_key=True)


CHECKS: tuple[Check, ...] = (
    _hubs_exist,
    _parents_are_gateways,
    _nobody_is_behind_himself,
    _hierarchies_are_shallow,
    _families_are_small,
    _keys_open_the_hub,
    _modules_can_sign_in,
    _thumbprints_differ,
    _modules_are_ours,
)
