"""Devices that are named one by one, and configurations."""

from collections.abc import Mapping
from typing import Any, Literal

from components.azure.device_configuration import DeviceConfiguration
from components.azure.hub_device import HubDevice
from components.fleet.azure.ground import Ground
from components.fleet.azure.hubs import Hubs
from components.fleet.azure.service import Provisioning
from components.muster import Authentication
from fleet.description import Authentication as Described
from fleet.description import (
    CertificateAuthority,
    Configuration,
    Content,
    Device,
    DeviceContent,
    EdgeContent,
    ModuleContent,
    SymmetricKey,
    Thumbprints,
)


def declare(ground: Ground, hubs: Hubs, service: Provisioning) -> None:
    """Declare the devices, each after its gateway, and the configurations of the hubs."""
    made: dict[str, HubDevice] = {}
    for device_id in ground.fleet.devices:
        _device(ground, hubs, service, device_id, made)
    for configuration_id, configuration in ground.fleet.configurations.items():
        _configuration(ground, hubs, configuration_id, configuration)


def _device(
    ground: Ground, hubs: Hubs, service: Provisioning, device_id: str, made: dict[str, HubDevice]
) -> HubDevice:
    """Declare a device, its gateway first; what is in `made` is not made again."""
    if device_id in made:
        return made[device_id]
    device: Device = ground.fleet.devices[device_id]
    parent = None if device.parent is None else _device(ground, hubs, service, device.parent, made)
    by_authority = isinstance(device.authentication, CertificateAuthority)
    made[device_id] = HubDevice(
        ground.named(device_id),
        {
            "hub_host": hubs[device.hub].host,
            "device_id": device_id,
            "authentication": _authentication(device.authentication),
            "edge": device.edge,
            "parent_device_id": None if parent is None else parent.device_id,
            "enabled": device.enabled,
            "tags": device.twin.tags,
            "desired": device.twin.desired,
            "modules": {
                module_id: {"tags": module.twin.tags, "desired": module.twin.desired}
                for module_id, module in device.modules.items()
            },
        },
        ground.after([service.authority] if by_authority else []),
    )
    return made[device_id]


def _authentication(described: Described) -> Authentication:
    match described:
        case Thumbprints():
            return {
                "primary_thumbprint": described.primary,
                "secondary_thumbprint": described.secondary,
            }
        case CertificateAuthority():
            return {"certificate_authority": True}
        case SymmetricKey():
            return {"symmetric_key": True}


def _configuration(ground: Ground, hubs: Hubs, configuration_id: str, configuration: Configuration) -> None:
    kind, content = _content(configuration.content)
    DeviceConfiguration(
        ground.named(configuration_id),
        {
            "hubs": {key: hubs[key].host for key in configuration.hubs},
            "configuration_id": configuration_id,
            "target": configuration.target,
            "priority": configuration.priority,
            "kind": kind,
            "content": content,
            "metrics": configuration.metrics,
            "labels": configuration.labels,
        },
        ground.opts,
    )


def _content(content: Content) -> tuple[Literal["device", "module", "edge"], Mapping[str, Any]]:
    match content:
        case DeviceContent():
            return "device", content.twin
        case ModuleContent():
            return "module", content.twin
        case EdgeContent():
            return "edge", content.modules
