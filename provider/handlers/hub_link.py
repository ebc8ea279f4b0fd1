"""muster:dps:HubLink: one hub linked to a provisioning service, by the service's own managed identity.

ARM API 2026-11-01 (IotHubDefinitionDescription with authenticationType SystemAssigned and hostName): no
connection string, so no key in any state. The link is one entry of a list in the service's document; other
entries are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from provider.differing import differences
from provider.errors import AlreadyExistsError, InvalidIdError
from provider.fields import prop, write
from provider.handlers import rules
from provider.resource import Handler, Made, NoOutputs, Notice, State

Link: TypeAlias = dict[str, Any]

_ADDRESS = "it is part of the link's address"
_ID = re.compile(r"(?P<service>/subscriptions/.+)/iotHubs/(?P<host>[^/]+)", re.IGNORECASE)


class Links(Protocol):
    """What this handler needs of ARM."""

    def get(self, host: str) -> Link | None:
        """The link to a hub, or None."""

    def put(self, link: Link) -> Link:
        """Add or replace the link, leaving others alone."""

    def delete(self, host: str) -> None:
        """Take it away; gone already is no error."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the program says."""

    provisioning_service_id: str = prop(
        "ARM id of the provisioning service.",
        replaces=_ADDRESS,
        rule=rules.service_id,
        normal=rules.lower,
    )
    hub_host: str = prop("Host name of the hub.", replaces=_ADDRESS, rule=rules.hub_host, normal=rules.lower)
    hub_location: str = prop(
        "Azure region of the hub.", normal=lambda region: str(region).lower().replace(" ", "")
    )
    allocation_weight: int = prop(
        "Share of the devices, beside the other hubs' weights.", default=1, rule=rules.at_least(1)
    )
    apply_allocation_policy: bool = prop("Whether devices are allocated to this hub at all.", default=True)
    authentication: str = prop(
        "How the service logs in to the hub: SystemAssigned, its own managed identity.",
        default="SystemAssigned",
        rule=rules.choice("SystemAssigned"),
    )
    service_revision: str = prop(
        "A hash of the provisioning service's own arguments: a PUT of the service drops its links, so a "
        "change there must set the link again in the same run.",
        default="",
    )


Found: TypeAlias = State[Inputs, NoOutputs]


class HubLink(Handler[Inputs, NoOutputs]):
    """Hubs linked to provisioning services. `links` gives the client for a service's id."""

    token = "muster:dps:HubLink"  # noqa: S105 - a type token
    title = "hub link"
    doc = "An IoT hub linked to a provisioning service by managed identity."
    inputs = Inputs

    def __init__(self, links: Callable[[str], Links]) -> None:
        self._links = links

    def resource_id(self, inputs: Inputs) -> str:
        """`{provisioningServiceId}/iotHubs/{hubHost}`."""
        return f"{inputs.provisioning_service_id}/iotHubs/{inputs.hub_host.lower()}"

    def create(self, inputs: Inputs) -> Made[NoOutputs]:
        """Link the hub, unless it is linked in another way already."""
        client = self._links(inputs.provisioning_service_id)
        link = client.get(inputs.hub_host)
        if link is not None:
            return Made(NoOutputs(), self._adopted(inputs, _live(inputs, link)))
        client.put(_link(inputs))
        return Made(NoOutputs())

    def read(self, resource_id: str, known: Found | None) -> Found | None:
        """The link as it is; without the link, or the service, None."""
        match = _ID.fullmatch(resource_id)
        if match is None:
            raise InvalidIdError(
                f'"{resource_id}" is no id of a hub link; <ARM id of the provisioning service>/iotHubs/'
                "<hub host> is"
            )
        link = self._links(match["service"]).get(match["host"])
        address = Inputs(
            provisioning_service_id=match["service"],
            hub_host=match["host"],
            hub_location="",
            service_revision=known.inputs.service_revision if known else "",
        )
        return None if link is None else State(_live(address, link), NoOutputs())

    def update(self, old: Found, new: Inputs) -> Made[NoOutputs]:  # noqa: ARG002 - the entry is wholly ours
        """Set the entry again as declared; it is there afterwards even if a PUT of the service dropped it."""
        self._links(new.provisioning_service_id).put(_link(new))
        return Made(NoOutputs())

    def delete(self, resource_id: str) -> None:
        """Unlink the hub. Devices on it stay; no new ones come."""
        service, _, host = resource_id.rpartition("/iotHubs/")
        self._links(service).delete(host)

    def _adopted(self, inputs: Inputs, current: Inputs) -> tuple[Notice, ...]:
        named = f"the link to {inputs.hub_host}"
        if found := list(differences(Inputs, write(inputs), write(current))):
            raise AlreadyExistsError(
                f"{named} exists, is not in this stack's state, and differs from the program:",
                found,
                f"To manage it here: pulumi import {self.token} NAME {self.resource_id(inputs)}",
            )
        text = f"{named} existed already, exactly as declared; it was taken into the state"
        return (Notice(text, warning=True),)


def _link(inputs: Inputs) -> Link:
    return {
        "hostName": inputs.hub_host,
        "location": inputs.hub_location,
        "authenticationType": inputs.authentication,
        "allocationWeight": inputs.allocation_weight,
        "applyAllocationPolicy": inputs.apply_allocation_policy,
    }


def _live(address: Inputs, link: Link) -> Inputs:
    # What the model leaves out: weight 1, allocated to, and by key when there is a connection string.
    weight, applies = link.get("allocationWeight"), link.get("applyAllocationPolicy")
    return Inputs(
        provisioning_service_id=address.provisioning_service_id,
        hub_host=address.hub_host,
        hub_location=str(link.get("location") or ""),
        allocation_weight=1 if weight is None else int(weight),
        apply_allocation_policy=True if applies is None else bool(applies),
        authentication=str(link.get("authenticationType") or "KeyBased"),
        service_revision=address.service_revision,
    )
