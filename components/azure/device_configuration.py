"""Automatic device management and IoT Edge deployments."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import pulumi

from components import muster


class DeviceConfigurationArgs(TypedDict):
    """Arguments of DeviceConfiguration."""

    hubs: Mapping[str, pulumi.Input[str]]
    """Host names of the hubs that have it, by their key."""
    configuration_id: str
    target: str
    """Which devices or modules: a condition on twins, or * for all devices."""
    priority: int
    """Of two that target one device the higher wins; of equals the newer."""
    kind: Literal["device", "module", "edge"]
    content: Mapping[str, Any]
    """What they are told: by path of desired properties, of edge by module first."""
    metrics: Mapping[str, str]
    labels: Mapping[str, str]


class DeviceConfiguration(pulumi.ComponentResource):
    """One configuration in each of its hubs. Its content cannot be changed: a change is a replacement."""

    etags: dict[str, pulumi.Output[str]]
    """Versions of the configuration by hub."""

    def __init__(
        self, name: str, args: DeviceConfigurationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:DeviceConfiguration", name, {}, opts)
        awaited = opts.depends_on if opts else None
        self.etags = {
            key: muster.Configuration(
                f"{name}/{key}",
                {
                    "hub_host": host,
                    "configuration_id": args["configuration_id"],
                    "target_condition": args["target"],
                    "priority": args["priority"],
                    "content": _content(args),
                    "metrics": args["metrics"],
                    "labels": args["labels"],
                },
                pulumi.ResourceOptions(parent=self, depends_on=awaited),
            ).etag
            for key, host in args["hubs"].items()
        }
        self.register_outputs({"etags": self.etags})


def _content(args: DeviceConfigurationArgs) -> muster.Content:
    match args["kind"]:
        case "device":
            return {"device_content": args["content"]}
        case "module":
            return {"module_content": args["content"]}
        case "edge":
            return {"modules_content": args["content"]}
