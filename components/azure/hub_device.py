"""Devices that stand in a hub by name: gateways, and the children behind them."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi

from components import muster


class ModuleArgs(TypedDict):
    """A module of a device: the first state of its twin."""

    tags: Mapping[str, Any]
    desired: Mapping[str, Any]


class HubDeviceArgs(TypedDict):
    """Arguments of HubDevice."""

    hub_host: pulumi.Input[str]
    device_id: str
    authentication: muster.Authentication
    """By thumbprint, by a CA that the hub trusts, or by a key that the hub makes and keeps."""
    edge: bool
    """Whether it is an IoT Edge device, which can have children."""
    parent_device_id: pulumi.Input[str] | None
    """The gateway that it stands behind, in the same hub."""
    enabled: bool
    tags: Mapping[str, Any]
    desired: Mapping[str, Any]
    modules: Mapping[str, ModuleArgs]


class HubDevice(pulumi.ComponentResource):
    """A device identity in a hub's registry, with its modules.

    For the few that must be known by name; the many come through enrollments.
    """

    device_id: pulumi.Output[str]
    """Its id, known once the device is there: a child that takes it as its parent's waits for the parent."""
    device_scope: pulumi.Output[str | None]

    def __init__(self, name: str, args: HubDeviceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:azure:HubDevice", name, {}, opts)
        device = self._device(name, args, opts)
        self.device_scope = device.device_scope
        self.device_id = device.id.apply(lambda _: args["device_id"])
        for module_id, module in args["modules"].items():
            self._module(name, args, module_id, module, device)
        self.register_outputs({"deviceId": args["device_id"], "deviceScope": self.device_scope})

    def _device(self, name: str, args: HubDeviceArgs, opts: pulumi.ResourceOptions | None) -> muster.Device:
        return muster.Device(
            f"{name}-device",
            {
                "hub_host": args["hub_host"],
                "device_id": args["device_id"],
                **args["authentication"],
                "iot_edge": args["edge"],
                "parent_device_id": args["parent_device_id"],
                "enabled": args["enabled"],
                "initial_twin": {"tags": args["tags"], "desired": args["desired"]},
            },
            pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None),
        )

    def _module(
        self, name: str, args: HubDeviceArgs, module_id: str, module: ModuleArgs, device: muster.Device
    ) -> None:
        muster.Module(
            f"{name}/{module_id}",
            {
                "hub_host": args["hub_host"],
                "device_id": args["device_id"],
                "module_id": module_id,
                "tags": module["tags"],
                "desired": module["desired"],
            },
            pulumi.ResourceOptions(parent=self, depends_on=[device]),
        )
