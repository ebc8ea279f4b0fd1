"""What must hold between the properties of an enrollment. One that is UNKNOWN may be anything."""

from __future__ import annotations

from collections.abc import Iterator

from provider.checking import Fault
from provider.clients.dps_service import REGISTRY_API_VERSION
from provider.handlers.between import beside, exactly_one
from provider.handlers.enrollment_inputs import Enrollment, Kind
from provider.values import UNKNOWN, Plain


def faults(kind: Kind, inputs: Enrollment) -> Iterator[Fault]:
    """Everything that does not go together."""
    yield from exactly_one(kind.attestations, inputs)
    yield from beside(kind.certificate, kind.secondary, inputs)
    yield from beside("authorityReference", "secondaryAuthorityReference", inputs)
    yield from _allocation(inputs)
    yield from _registry(inputs)


def _allocation(inputs: Enrollment) -> Iterator[Fault]:
    policy: Plain = inputs.allocation_policy
    if policy is UNKNOWN:
        return
    if policy == "custom" and inputs.webhook_url is None:
        yield Fault("webhookUrl", "is missing; allocationPolicy custom needs the function that picks the hub")
    if policy != "custom" and inputs.webhook_url is not None:
        yield Fault("webhookUrl", f"is given, but allocationPolicy {policy} asks no webhook; custom would")
    hubs: Plain = inputs.iot_hubs
    if policy == "static" and hubs is not UNKNOWN and len(hubs) != 1:
        yield Fault("iotHubs", f"holds {len(hubs)} hubs; allocationPolicy static needs exactly one")


def _registry(inputs: Enrollment) -> Iterator[Fault]:
    if inputs.registry is None or inputs.api_version in (UNKNOWN, REGISTRY_API_VERSION):
        return
    yield Fault(
        "apiVersion",
        f"is {inputs.api_version}, in which an enrollment has no certificate authority: its devices would "
        f"get no certificate for their CSR; registry needs {REGISTRY_API_VERSION}",
    )
