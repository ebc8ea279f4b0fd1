"""What a program says about an enrollment: what a group and an individual enrollment have in common.

Of the DPS service API (Azure/azure-rest-api-specs, specification/deviceprovisioningservices/data-plane/
DeviceProvisioningServices/stable/{2021-10-01,2026-11-01}/service.json; EnrollmentGroup,
IndividualEnrollment)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from provider.clients.dps_service import API_VERSION, API_VERSIONS
from provider.fields import prop
from provider.handlers import rules, twins

REPROVISION: Final = {
    # The published meaning (service.json, ReprovisionPolicy): updateHubAssignment false keeps the device on
    # its hub, so migrateDeviceData no longer matters; with true, it says if the twin moves or starts afresh.
    "keep": {"updateHubAssignment": False, "migrateDeviceData": False},
    "migrate": {"updateHubAssignment": True, "migrateDeviceData": True},
    "reset": {"updateHubAssignment": True, "migrateDeviceData": False},
}
ALLOCATION: Final = ("hashed", "geoLatency", "static", "custom")
ADDRESS: Final = "it is part of its address"


@dataclass(frozen=True, kw_only=True)
class InitialTwin:
    """What a device's twin holds when the device comes for the first time."""

    tags: Mapping[str, Any] = prop("Tags, which devices do not see.", default={}, rule=twins.tags)
    desired: Mapping[str, Any] = prop(
        "Desired properties, which devices read.", default={}, rule=twins.desired
    )


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a device is able to be."""

    iot_edge: bool = prop("Whether it is an IoT Edge gateway.", default=False)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The authority of Azure Device Registry that issues the device's certificate, from its own CSR."""

    namespace_name: str = prop("Name of the Device Registry namespace.", rule=rules.registry_namespace)
    certificate_authority_name: str = prop(
        "Name of the certificate authority in the namespace.", rule=rules.registry_name
    )
    certificate_policy_name: str = prop(
        "Name of the authority's certificate policy.", rule=rules.registry_name
    )


@dataclass(frozen=True, kw_only=True)
class HubChoice:
    """Which of the linked hubs a device comes to."""

    allocation_policy: str = prop(
        "How a hub is picked: hashed (by weight), geoLatency (the nearest), static (the one named) or custom "
        "(a webhook says).",
        default="hashed",
        rule=rules.choice(*ALLOCATION),
    )
    iot_hubs: tuple[str, ...] = prop(
        "Host names of the linked hubs that devices may be allocated to.",
        rule=rules.every(rules.hub_host),
        normal=rules.unordered(rules.lower),
    )
    webhook_url: str | None = prop(
        "With custom: the function that picks the hub. Its URL holds a key, so it is a secret.",
        default=None,
        secret=True,
        rule=rules.webhook_url,
    )
    webhook_api_version: str = prop(
        "With custom: the API version of the documents that the webhook is sent.",
        default=API_VERSION,
        rule=rules.api_version,
    )


NO_TWIN = InitialTwin()
NO_CAPABILITIES = Capabilities()


@dataclass(frozen=True, kw_only=True)
class Enrollment(HubChoice):
    """The inputs of every kind of enrollment."""

    service_host: str = prop(
        "The provisioning service's service operations host, such as contoso.azure-devices-provisioning.net.",
        replaces=ADDRESS,
        rule=rules.service_host,
        normal=rules.lower,
    )
    api_version: str = prop(
        "Version of the service's API that is spoken: certificates from a registry need 2026-11-01.",
        default=API_VERSION,
        rule=rules.choice(*API_VERSIONS),
    )
    authority_reference: str | None = prop(
        "Attestation by a CA: the name of a verified certificate of the provisioning service.",
        default=None,
        rule=rules.certificate_name,
    )
    secondary_authority_reference: str | None = prop(
        "A second CA, for rotation with an overlap.", default=None, rule=rules.certificate_name
    )
    symmetric_key: bool = prop(
        "Attestation by symmetric key. The service makes the keys; they are never read into the state.",
        default=False,
    )
    initial_twin: InitialTwin = prop("The twin of a new device.", default=NO_TWIN)  # noqa: RUF009 - prop makes the field
    reprovision: str = prop(
        "When a device comes again: keep (it stays on its hub), migrate (its twin moves with it) or reset "
        "(its twin starts afresh from initialTwin).",
        default="migrate",
        rule=rules.choice(*REPROVISION),
    )
    capabilities: Capabilities = prop("What the devices are able to be.", default=NO_CAPABILITIES)  # noqa: RUF009 - prop makes the field
    registry: Registry | None = prop(  # noqa: RUF009 - prop makes the field
        "Who issues certificates from CSRs: Azure Device Registry.", default=None
    )
    enabled: bool = prop("Whether devices may enrol.", default=True)


@dataclass(frozen=True)
class Kind:
    """What tells groups and individual enrollments apart: the names they have for the same things.

    `identifier`, `certificate` and `secondary` are properties of the inputs (as a program writes them);
    `certificates` is the document's member with X.509 certificates; of the properties `attestations` exactly
    one is given.
    """

    title: str
    collection: str
    identifier: str
    certificate: str
    secondary: str
    certificates: str
    attestations: tuple[str, ...]
