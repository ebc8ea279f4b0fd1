"""From a checked description to resources: the one place that knows both."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_azure_native import resources

from certs.chain import Chain, pem
from components.azure.certificate_authority import CertificateAuthority
from components.azure.enrollment_group import EnrollmentGroup
from components.azure.iot_hub import IotHub
from components.azure.provisioning_service import HubTarget, ProvisioningService
from components.muster import Provider
from fleet import Fleet
from fleet.description import X509, Group


def build(fleet: Fleet, chain: Chain) -> dict[str, Any]:
    """Declare everything that provisions `fleet`; the stack's outputs.

    idScope    what devices are told to find the provisioning service
    dpsHost    host of its service API
    hubs       host of each hub by its key
    groups     ids of the enrollment groups
    """
    muster = Provider(f"{fleet.name}-muster")
    opts = pulumi.ResourceOptions(providers=[muster])
    place = resources.ResourceGroup(
        fleet.name,
        resource_group_name=fleet.azure.resource_group,
        location=fleet.azure.location,
        tags=_tags(fleet),
    )
    hubs = _hubs(fleet, place.name, opts)
    service = _service(fleet, place.name, hubs, opts)
    authority = _authority(fleet, chain, service, opts)
    ready = pulumi.ResourceOptions(providers=[muster], depends_on=[service, authority])
    _groups(fleet, chain, service, hubs, ready)
    return {
        "idScope": service.id_scope,
        "dpsHost": service.service_host,
        "hubs": {key: hub.host for key, hub in hubs.items()},
        "groups": list(fleet.groups),
    }


def _tags(fleet: Fleet) -> dict[str, str]:
    return {"muster-fleet": fleet.name}


def _hubs(fleet: Fleet, place: pulumi.Output[str], opts: pulumi.ResourceOptions) -> dict[str, IotHub]:
    return {
        key: IotHub(
            f"{fleet.name}-{key}",
            {
                "resource_group_name": place,
                "hub_name": hub.name,
                "location": fleet.azure.location,
                "sku": hub.sku,
                "units": hub.units,
                "protect": fleet.protect,
                "tags": _tags(fleet),
            },
            opts,
        )
        for key, hub in fleet.azure.hubs.items()
    }


def _service(
    fleet: Fleet, place: pulumi.Output[str], hubs: Mapping[str, IotHub], opts: pulumi.ResourceOptions
) -> ProvisioningService:
    location = fleet.azure.location
    targets: list[HubTarget] = [
        {"key": key, "hub_id": hub.hub_id, "host": hub.host, "location": location}
        for key, hub in hubs.items()
    ]
    return ProvisioningService(
        f"{fleet.name}-dps",
        {
            "resource_group_name": place,
            "service_name": fleet.azure.provisioning_service,
            "location": location,
            "hubs": targets,
            "protect": fleet.protect,
            "tags": _tags(fleet),
        },
        opts,
    )


def _authority(
    fleet: Fleet, chain: Chain, service: ProvisioningService, opts: pulumi.ResourceOptions
) -> CertificateAuthority:
    return CertificateAuthority(
        f"{fleet.name}-ca",
        {
            "provisioning_service_id": service.service_id,
            "root": pem(chain.root),
            "issuers": {name: pem(certificate) for name, certificate in chain.issuers.items()},
        },
        opts,
    )


def _groups(
    fleet: Fleet,
    chain: Chain,
    service: ProvisioningService,
    hubs: Mapping[str, IotHub],
    opts: pulumi.ResourceOptions,
) -> None:
    for group_id, group in fleet.groups.items():
        EnrollmentGroup(
            f"{fleet.name}-{group_id}",
            {
                "service_host": service.service_host,
                "group_id": group_id,
                "issuer": pem(chain.issuers[_issuer(group)]),
                "hubs": [hubs[key].host for key in group.allocation.hubs],
                "allocation_policy": group.allocation.policy,
                "reprovision": group.reprovision,
                "tags": group.twin.tags,
                "desired": group.twin.desired,
                "enabled": group.enabled,
            },
            opts,
        )


def _issuer(group: Group) -> str:
    match group.attestation:
        case X509(issuer=issuer):
            return issuer
        case other:
            raise TypeError(f"no component for {type(other).__name__} attestation")
