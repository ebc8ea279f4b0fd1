"""muster:hub:Device: a device that is registered in a hub by hand: a gateway, or a child of one.

Device identities of the hub's service API 2021-04-12. A child names the scope of its gateway ("How an IoT
Edge device can be used as a gateway", learn.microsoft.com/azure/iot-edge/iot-edge-as-gateway): a gateway in
`parentScopes`, another device in `deviceScope`, too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from provider.checking import Fault
from provider.clients.hub_service import device_path, twin_path
from provider.errors import ParentError
from provider.fields import prop
from provider.handlers import between, rules
from provider.handlers.hub_identities import (
    ADDRESS,
    ATTESTATIONS,
    NO_TWIN,
    Authenticated,
    ManagedTwin,
    authenticated,
    authentication,
)
from provider.handlers.hub_twinned import Twinned
from provider.resource import Notice, State
from provider.versioned import Document, Version

_SCOPE = re.compile(r"ms-azure-iot-edge://(?P<device>.+)-[^-]+")


@dataclass(frozen=True, kw_only=True)
class Inputs(Authenticated):
    """What the program says about the device."""

    hub_host: str = prop("Host name of the hub.", replaces=ADDRESS, rule=rules.hub_host, normal=rules.lower)
    device_id: str = prop("Id of the device; its case counts.", replaces=ADDRESS, rule=rules.device_id)
    iot_edge: bool = prop("Whether it is an IoT Edge gateway.", default=False)
    parent_device_id: str | None = prop(
        "The gateway through which it reaches the hub.", default=None, rule=rules.device_id
    )
    enabled: bool = prop("Whether it may connect.", default=True)
    initial_twin: ManagedTwin = prop("The keys of its twin that are managed here.", default=NO_TWIN)  # noqa: RUF009 - prop makes the field


@dataclass(frozen=True, kw_only=True)
class Outputs(Version):
    """What the hub adds."""

    device_scope: str = prop("The scope that the hub keeps for it; a gateway's children name it.", default="")


Device: TypeAlias = State[Inputs, Outputs]


class HubDevice(Twinned[Inputs, Outputs]):
    """Devices of a hub."""

    token = "muster:hub:Device"  # noqa: S105 - a type token
    title = "device"
    doc = "A device in the registry of a hub: a gateway, a child of one, or one that does not come by DPS."
    inputs = Inputs
    outputs = Outputs
    id_form = re.compile(r"(?P<host>[^/]+)/devices/(?P<device>[^/]+)")
    id_right = "<hub host>/devices/<device id>"

    def resource_id(self, inputs: Inputs) -> str:
        """`{hubHost}/devices/{deviceId}`."""
        return f"{inputs.hub_host.lower()}/devices/{inputs.device_id}"

    def named(self, inputs: Inputs) -> str:
        """The device and its hub."""
        return f"device {inputs.device_id} of {inputs.hub_host}"

    def host(self, inputs: Inputs) -> str:
        """The hub's host name."""
        return inputs.hub_host

    def paths(self, inputs: Inputs) -> tuple[str, str]:
        """The device and its twin."""
        return device_path(inputs.device_id), twin_path(inputs.device_id)

    def blank(self, match: re.Match[str]) -> Inputs:
        """A device of this id."""
        return Inputs(hub_host=match["host"], device_id=match["device"])

    def twin(self, inputs: Inputs) -> ManagedTwin:
        """What the program names."""
        return inputs.initial_twin

    def with_twin(self, inputs: Inputs, twin: ManagedTwin) -> Inputs:
        """With another part managed."""
        return replace(inputs, initial_twin=twin)

    def between(self, inputs: Inputs) -> Iterable[Fault]:
        """One way to authenticate; and nobody is their own parent."""
        yield from between.exactly_one(ATTESTATIONS, inputs)
        yield from between.beside("primaryThumbprint", "secondaryThumbprint", inputs)
        if isinstance(inputs.parent_device_id, str) and inputs.parent_device_id == inputs.device_id:
            yield Fault("parentDeviceId", "is the device itself; the id of its gateway would be right")

    def notices(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """Who cannot connect any more, and who connects elsewhere."""
        return tuple(_notices(old, new)) if old is not None else ()

    def body(self, inputs: Inputs, current: Document) -> Document:
        """The identity, under its gateway. Raises ParentError."""
        kept = {"statusReason": current["statusReason"]} if current.get("statusReason") else {}
        return {
            **kept,
            "deviceId": inputs.device_id,
            "status": "enabled" if inputs.enabled else "disabled",
            "authentication": authentication(inputs, current),
            "capabilities": {"iotEdge": inputs.iot_edge},
            **(_orphaned(inputs, current) if inputs.parent_device_id is None else self._child(inputs)),
        }

    def seen(self, inputs: Inputs, document: Document) -> Device:
        """The identity, and of the twin what the inputs name."""
        edge = (document.get("capabilities") or {}).get("iotEdge") is True
        live = replace(
            inputs,
            **authenticated(document),
            iot_edge=edge,
            parent_device_id=_parent(document, edge=edge),
            enabled=document.get("status", "enabled") == "enabled",
            initial_twin=self.live_twin(inputs, document),
        )
        scope = str(document.get("deviceScope") or "")
        return State(live, Outputs(etag=str(document.get("etag") or ""), device_scope=scope))

    def _child(self, inputs: Inputs) -> Document:
        parent = self._hub(inputs.hub_host).get(device_path(str(inputs.parent_device_id)))
        if parent is None or not (parent.get("capabilities") or {}).get("iotEdge"):
            wrong = "is not there" if parent is None else "is no IoT Edge gateway"
            raise ParentError(
                f"{self.named(inputs)} cannot be a child: device {inputs.parent_device_id} {wrong}; a "
                "gateway of the same hub (a muster:hub:Device with iotEdge, made before it) would be right"
            )
        scope = str(parent.get("deviceScope") or "")
        return {"parentScopes": [scope], **({} if inputs.iot_edge else {"deviceScope": scope})}


def _orphaned(inputs: Inputs, current: Document) -> Document:
    if inputs.iot_edge:
        return {"parentScopes": []} if current.get("parentScopes") else {}
    has_parent = current.get("parentScopes") or current.get("deviceScope")
    return {"parentScopes": [], "deviceScope": ""} if has_parent else {}


def _parent(document: Document, *, edge: bool) -> str | None:
    scopes = document.get("parentScopes") or ([] if edge else [document.get("deviceScope") or ""])
    match = _SCOPE.fullmatch(str(scopes[0])) if scopes else None
    return match["device"] if match else None


def _notices(old: Inputs, new: Inputs) -> Iterable[Notice]:
    who = f"device {new.device_id}"
    if new.enabled is False and old.enabled is not False:
        yield Notice(f"{who} cannot connect to its hub any more", warning=True)
    if _credentials(old) - _credentials(new):
        yield Notice(f"{who} cannot connect with all of its old credentials any more", warning=True)
    if old.parent_device_id is not None and old.parent_device_id != new.parent_device_id:
        yield Notice(f"{who} leaves gateway {old.parent_device_id}: through it, it is refused", warning=True)


def _credentials(inputs: Inputs) -> frozenset[object]:
    prints = (inputs.primary_thumbprint, inputs.secondary_thumbprint)
    shown = {each.lower() if isinstance(each, str) else each for each in prints if each is not None}
    ways = {name for name in ("certificate_authority", "symmetric_key") if getattr(inputs, name) is True}
    return frozenset(shown | ways)
