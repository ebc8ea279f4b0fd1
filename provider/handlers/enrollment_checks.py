"""What must hold between the properties of an enrollment. One that is UNKNOWN may be anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from provider.checking import Fault
from provider.clients.dps_service import REGISTRY_API_VERSION
from provider.fields import attribute
from provider.handlers.enrollment_inputs import Enrollment, Kind
from provider.values import UNKNOWN, Plain


def faults(kind: Kind, inputs: Enrollment) -> Iterator[Fault]:
    """Everything that does not go together."""
    yield from exactly_one(kind.attestations, inputs)
    yield from beside(kind.certificate, kind.secondary, inputs)
    yield from beside("authorityReference", "secondaryAuthorityReference", inputs)
    yield from _allocation(inputs)
    yield from _registry(inputs)


def exactly_one(names: tuple[str, ...], inputs: object) -> Iterator[Fault]:
    """One of these properties is given, and no more. False counts as not given."""
    values = {name: _value(inputs, name) for name in names}
    known = [name for name, value in values.items() if value is not UNKNOWN and value]
    right = f"exactly one of {', '.join(names)} would be right"
    for name in known[1:]:
        yield Fault(name, f"stands beside {known[0]}; {right}")
    if not known and UNKNOWN not in values.values():
        yield Fault(names[0], f"is missing; {right}")


def beside(first: str, second: str, inputs: object) -> Iterator[Fault]:
    """The second of two slots is filled only beside the first."""
    if _value(inputs, second) and _value(inputs, first) is None:
        yield Fault(second, f"stands without {first}; the first slot is filled first")


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


def _value(inputs: object, name: str) -> Any:  # noqa: ANN401 - whatever the property holds
    return getattr(inputs, attribute(name))
