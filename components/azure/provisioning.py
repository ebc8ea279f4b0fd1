"""What enrollment groups, individual enrollments and manifests have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from components import muster
from components.muster.dps import AttestationArgs, ProvisioningArgs

WEBHOOK_API_VERSION = "2021-10-01"
"""Of the documents that a webhook of custom allocation is sent."""


class Provisioning(TypedDict):
    """Where devices go, and what they find there."""

    service_host: pulumi.Input[str]
    hubs: Sequence[pulumi.Input[str]]
    """Host names of the hubs to choose from."""
    allocation_policy: str
    webhook_url: NotRequired[pulumi.Input[str] | None]
    """With custom allocation: who is asked. A secret, since its key is part of it."""
    reprovision: str
    """keep, migrate or reset."""
    tags: Mapping[str, Any]
    desired: Mapping[str, Any]
    """Tags and desired properties of a device's first twin."""
    enabled: bool
    edge: NotRequired[bool]
    """Whether the devices are IoT Edge devices."""
    certificates: NotRequired[muster.IssuedBy | None]
    """Who issues certificates for operation to devices that send a CSR."""
    api_version: NotRequired[str]
    """Of the service's API; `certificates` need 2026-11-01."""


class ServiceAttestation(TypedDict, total=False):
    """Attestation by what the service itself has: a CA certificate of its own by name, or a key it makes."""

    authority: str
    secondary_authority: str | None
    symmetric_key: bool


def sent(args: Provisioning) -> ProvisioningArgs:
    """The same, as the resources of the muster provider take it."""
    url = args.get("webhook_url")
    return {
        "service_host": args["service_host"],
        "allocation_policy": args["allocation_policy"],
        "iot_hubs": args["hubs"],
        "webhook_url": None if url is None else pulumi.Output.secret(url),
        "webhook_api_version": None if url is None else WEBHOOK_API_VERSION,
        "initial_twin": {"tags": args["tags"], "desired": args["desired"]},
        "reprovision": args["reprovision"],
        "enabled": args["enabled"],
        "capabilities": {"iot_edge": args.get("edge", False)},
        "registry": args.get("certificates"),
        "api_version": args.get("api_version", "2021-10-01"),
    }


def attested(args: ServiceAttestation) -> AttestationArgs:
    """The same, as the resources of the muster provider take it."""
    return {
        "authority_reference": args.get("authority"),
        "secondary_authority_reference": args.get("secondary_authority"),
        "symmetric_key": args.get("symmetric_key") or None,
    }


def awaiting(
    component: pulumi.ComponentResource, opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions:
    """Options of a component's child that awaits what the component was told to await.

    The engine does not hand a component's dependencies (the links to the hubs, the proven certificates) down
    to its children.
    """
    return pulumi.ResourceOptions(parent=component, depends_on=opts.depends_on if opts else None)
