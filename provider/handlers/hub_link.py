"""muster:dps:HubLink: one hub linked to a provisioning service, by the service's own managed identity.

ARM API 2026-11-01 (IotHubDefinitionDescription with authenticationType SystemAssigned and hostName): no
connection string, so no key in any state. The link is one entry of a list in the service's document; other
entries are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from provider.clients.dps_links import Link, Linked
from provider.fields import prop
from provider.handlers import rules
from provider.handlers.revised import ADDRESS, LinkHandler, Revised, Seen
from provider.resource import Made, State

_ID = re.compile(r"(?P<service>/subscriptions/.+)/iotHubs/(?P<host>[^/]+)", re.IGNORECASE)


class Links(Protocol):
    """What this handler needs of ARM."""

    def get(self, host: str) -> Linked | None:
        """The link to a hub, or None."""

    def put(self, link: Link) -> Link:
        """Add or replace the link, leaving others alone."""

    def delete(self, host: str) -> None:
        """Take it away; gone already is no error."""


@dataclass(frozen=True, kw_only=True)
class Inputs(Revised):
    """What the program says."""

    provisioning_service_id: str = prop(
        "ARM id of the provisioning service.",
        replaces=ADDRESS,
        rule=rules.service_id,
        normal=rules.lower,
    )
    hub_host: str = prop("Host name of the hub.", replaces=ADDRESS, rule=rules.hub_host, normal=rules.lower)
    hub_location: str = prop(
        "Azure region of the hub.", normal=lambda region: str(region).lower().replace(" ", "")
    )
    allocation_weight: int = prop(
        "Share of the devices, beside the other hubs' weights.", default=1, rule=rules.at_least(1)
    )
    apply_allocation_policy: bool = prop("Whether devices are allocated to this hub at all.", default=True)


@dataclass(frozen=True, kw_only=True)
class Outputs(Seen):
    """What is computed: of the provisioning service, whose document the link is in."""


Found: TypeAlias = State[Inputs, Outputs]


class HubLink(LinkHandler[Inputs, Outputs]):
    """Hubs linked to provisioning services. `links` gives the client for a service's id."""

    token = "muster:dps:HubLink"  # noqa: S105 - a type token
    title = "hub link"
    doc = "An IoT hub linked to a provisioning service by managed identity."
    inputs = Inputs
    outputs = Outputs

    def __init__(self, links: Callable[[str], Links]) -> None:
        self._links = links

    def resource_id(self, inputs: Inputs) -> str:
        """`{provisioningServiceId}/iotHubs/{hubHost}`."""
        return f"{inputs.provisioning_service_id}/iotHubs/{inputs.hub_host.lower()}"

    def create(self, inputs: Inputs) -> Made[Outputs]:
        """Link the hub, unless it is linked in another way already."""
        client = self._links(inputs.provisioning_service_id)
        linked = client.get(inputs.hub_host)
        if linked is not None:
            live = _live(inputs.provisioning_service_id, inputs.hub_host, linked.link)
            live = replace(live, service_revision=inputs.service_revision)
            return Made(_set(inputs), (self.adopt(f"the link to {inputs.hub_host}", inputs, live),))
        client.put(_link(inputs))
        return Made(_set(inputs))

    def read(self, resource_id: str, known: Found | None) -> Found | None:
        """The link as it is; without the link, or the service, None."""
        right = "<ARM id of the provisioning service>/iotHubs/<hub host>"
        match = rules.id_parts(_ID, resource_id, "a hub link", right)
        linked = self._links(match["service"]).get(match["host"])
        if linked is None:
            return None
        live = _live(match["service"], match["host"], linked.link)
        revision = known.inputs.service_revision if known else linked.service_etag
        return State(replace(live, service_revision=revision), Outputs(service_etag=linked.service_etag))

    def update(self, old: Found, new: Inputs) -> Made[Outputs]:  # noqa: ARG002 - the entry is wholly ours
        """Set the entry again as declared; it is there afterwards even if a PUT of the service dropped it."""
        self._links(new.provisioning_service_id).put(_link(new))
        return Made(_set(new))

    def delete(self, resource_id: str) -> None:
        """Unlink the hub. Devices on it stay; no new ones come."""
        service, _, host = resource_id.rpartition("/iotHubs/")
        self._links(service).delete(host)


def _set(inputs: Inputs) -> Outputs:
    return Outputs(service_etag=inputs.service_revision)


def _link(inputs: Inputs) -> Link:
    return {
        "hostName": inputs.hub_host,
        "location": inputs.hub_location,
        "authenticationType": inputs.authentication,
        "allocationWeight": inputs.allocation_weight,
        "applyAllocationPolicy": inputs.apply_allocation_policy,
    }


def _live(service_id: str, host: str, link: Link) -> Inputs:
    # What the model leaves out: weight 1, allocated to, and by key when there is a connection string.
    weight, applies = link.get("allocationWeight"), link.get("applyAllocationPolicy")
    return Inputs(
        provisioning_service_id=service_id,
        hub_host=host,
        hub_location=str(link.get("location") or ""),
        allocation_weight=1 if weight is None else int(weight),
        apply_allocation_policy=True if applies is None else bool(applies),
        authentication=str(link.get("authenticationType") or "KeyBased"),
    )
