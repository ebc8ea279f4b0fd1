"""muster:hub:Module: a module of a device in a hub, with an identity and a twin of its own.

Module identities of the hub's service API 2021-04-12. Without another way to authenticate the hub makes
symmetric keys; they are never read into the state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from provider.checking import Fault
from provider.clients.hub_service import module_path, twin_path
from provider.fields import prop
from provider.handlers import between, rules, twins
from provider.handlers.hub_identities import (
    ADDRESS,
    ATTESTATIONS,
    Authenticated,
    ManagedTwin,
    authenticated,
    authentication,
)
from provider.handlers.hub_twinned import Twinned
from provider.resource import State
from provider.versioned import Document, Version


@dataclass(frozen=True, kw_only=True)
class Inputs(Authenticated):
    """What the program says about the module. One that names no way to authenticate has symmetric keys."""

    hub_host: str = prop("Host name of the hub.", replaces=ADDRESS, rule=rules.hub_host, normal=rules.lower)
    device_id: str = prop("Id of its device; its case counts.", replaces=ADDRESS, rule=rules.device_id)
    module_id: str = prop("Id of the module; its case counts.", replaces=ADDRESS, rule=rules.device_id)
    tags: Mapping[str, Any] = prop("The tags of its twin that are managed here.", default={}, rule=twins.tags)
    desired: Mapping[str, Any] = prop(
        "The desired properties of its twin that are managed here.", default={}, rule=twins.desired
    )


@dataclass(frozen=True, kw_only=True)
class Outputs(Version):
    """What the hub adds."""


Module: TypeAlias = State[Inputs, Outputs]


class HubModule(Twinned[Inputs, Outputs]):
    """Modules of a hub's devices."""

    token = "muster:hub:Module"  # noqa: S105 - a type token
    title = "module"
    doc = "A module of a device in the registry of a hub, with a twin of its own."
    inputs = Inputs
    outputs = Outputs
    id_form = re.compile(r"(?P<host>[^/]+)/devices/(?P<device>[^/]+)/modules/(?P<module>[^/]+)")
    id_right = "<hub host>/devices/<device id>/modules/<module id>"

    def resource_id(self, inputs: Inputs) -> str:
        """`{hubHost}/devices/{deviceId}/modules/{moduleId}`."""
        return f"{inputs.hub_host.lower()}/devices/{inputs.device_id}/modules/{inputs.module_id}"

    def named(self, inputs: Inputs) -> str:
        """The module, its device and its hub."""
        return f"module {inputs.module_id} of device {inputs.device_id} of {inputs.hub_host}"

    def host(self, inputs: Inputs) -> str:
        """The hub's host name."""
        return inputs.hub_host

    def paths(self, inputs: Inputs) -> tuple[str, str]:
        """The module and its twin."""
        names = (inputs.device_id, inputs.module_id)
        return module_path(*names), twin_path(*names)

    def blank(self, match: re.Match[str]) -> Inputs:
        """A module of this id."""
        return Inputs(hub_host=match["host"], device_id=match["device"], module_id=match["module"])

    def twin(self, inputs: Inputs) -> ManagedTwin:
        """What the program names."""
        return ManagedTwin(tags=inputs.tags, desired=inputs.desired)

    def with_twin(self, inputs: Inputs, twin: ManagedTwin) -> Inputs:
        """With another part managed."""
        return replace(inputs, tags=twin.tags, desired=twin.desired)

    def between(self, inputs: Inputs) -> Iterable[Fault]:
        """At most one way to authenticate."""
        right = f"one of {', '.join(ATTESTATIONS)} at most would be right"
        yield from between.at_most_one(ATTESTATIONS, inputs, right)
        yield from between.beside("primaryThumbprint", "secondaryThumbprint", inputs)

    def body(self, inputs: Inputs, current: Document) -> Document:
        """The identity; who manages it stays as it is."""
        return {
            "deviceId": inputs.device_id,
            "moduleId": inputs.module_id,
            **({"managedBy": current["managedBy"]} if current.get("managedBy") else {}),
            "authentication": authentication(inputs, current),
        }

    def seen(self, inputs: Inputs, document: Document) -> Module:
        """The identity, and of the twin what the inputs name."""
        found = authenticated(document)
        if not inputs.symmetric_key and not any((inputs.primary_thumbprint, inputs.certificate_authority)):
            found["symmetric_key"] = False  # what the hub does by default is no difference
        live = replace(self.with_twin(inputs, self.live_twin(inputs, document)), **found)
        return State(live, Outputs(etag=str(document.get("etag") or "")))
