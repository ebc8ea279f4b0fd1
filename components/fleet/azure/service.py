"""The provisioning service, the CA chain, and the Device Registry."""

from dataclasses import dataclass

import pulumi

from certs.chain import pem
from components.azure.certificate_authority import CertificateAuthority
from components.azure.device_registry import DeviceRegistry
from components.azure.provisioning_service import HubTarget, ProvisioningService
from components.fleet.azure.ground import Ground
from components.fleet.azure.hubs import Hubs
from fleet.description import CertificateAuthority as ByAuthority
from fleet.description import Registry


@dataclass(frozen=True)
class Provisioning:
    """What provisions devices."""

    dps: ProvisioningService
    authority: CertificateAuthority
    registry: DeviceRegistry | None

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What enrollments wait for: links, proven certificates, certificate policies."""
        return [self.dps, self.authority, *([self.registry] if self.registry else [])]


def declare(ground: Ground, hubs: Hubs) -> Provisioning:
    """Declare what provisions devices into `hubs`."""
    dps = _dps(ground, hubs)
    described = ground.fleet.on_azure.registry
    registry = None if described is None else _registry(ground, described, hubs, dps)
    return Provisioning(dps, _authority(ground, hubs, dps), registry)


def _dps(ground: Ground, hubs: Hubs) -> ProvisioningService:
    azure = ground.fleet.on_azure
    targets: list[HubTarget] = [
        {
            "key": key,
            "hub_id": hub.hub_id,
            "host": hub.host,
            "location": azure.hubs[key].location,
            "standby": azure.hubs[key].standby_for is not None,
        }
        for key, hub in hubs.items()
    ]
    return ProvisioningService(
        ground.named("dps"),
        {
            "resource_group_name": ground.place,
            "service_name": azure.provisioning_service,
            "location": azure.location,
            "hubs": targets,
            "protect": ground.fleet.protect,
            "tags": ground.tags,
        },
        ground.opts,
    )


def _authority(ground: Ground, hubs: Hubs, dps: ProvisioningService) -> CertificateAuthority:
    devices = ground.fleet.devices.values()
    asked = {device.hub for device in devices if isinstance(device.authentication, ByAuthority)}
    chain = ground.sources.chain
    return CertificateAuthority(
        ground.named("ca"),
        {
            "provisioning_service_id": dps.service_id,
            "root": pem(chain.root),
            "issuers": {name: pem(certificate) for name, certificate in chain.issuers.items()},
            "hubs": {key: hub.hub_id for key, hub in hubs.items() if key in asked},
        },
        ground.opts,
    )


def _registry(ground: Ground, registry: Registry, hubs: Hubs, dps: ProvisioningService) -> DeviceRegistry:
    azure = ground.fleet.on_azure
    return DeviceRegistry(
        ground.named("registry"),
        {
            "resource_group_name": ground.place,
            "namespace": registry.namespace,
            "location": azure.location,
            "policies": {name: {"days": policy.days} for name, policy in registry.policies.items()},
            "service": {
                "name": azure.provisioning_service,
                "service_id": dps.service_id,
                "principal_id": dps.principal_id,
                "revision": dps.etag,
            },
            "hubs": [
                {
                    "key": key,
                    "hub_id": hub.hub_id,
                    "principal_id": hub.principal_id,
                    "revision": hub.etag,
                }
                for key, hub in hubs.items()
            ],
            "tags": ground.tags,
        },
        ground.opts,
    )
