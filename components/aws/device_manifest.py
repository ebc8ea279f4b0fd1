"""Many things from one file, as one resource."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pulumi

from components import muster
from components.aws import roles
from components.content import content_hash


class DeviceManifestArgs(TypedDict):
    """Arguments of DeviceManifest."""

    manifest_name: str
    """Once in a region of an account: every thing of the manifest carries it."""
    file: str
    """Path of the CSV or Parquet file, from the project's root: of the same form as on Azure."""
    data_endpoint: pulumi.Input[str]
    """Host of the account's data plane (`iot:Data-ATS`), where shadows are."""
    thing_type: str
    thing_group: str
    policies: Sequence[pulumi.Input[str]]
    tags: Mapping[str, Any]
    """Attributes of the things, where a row says nothing."""
    desired: Mapping[str, Any]
    """Their first shadow."""
    enabled: bool
    allow_removals: bool
    """Whether more than 10 rows, and more than a tenth, may be gone from the file."""
    adopt: bool
    """Whether a creation may change and remove things that carry the manifest's mark."""


class DeviceManifest(pulumi.ComponentResource):
    """The devices of a file: a thing each, with its certificate, policies and first shadow.

    What counts is the file's content, by its hash. The muster provider registers them, at the rate that AWS
    takes, and keeps a ledger: the number of resources does not grow with the devices.
    """

    rows: pulumi.Output[int]
    accepted: pulumi.Output[int]
    refused: pulumi.Output[int]

    def __init__(
        self, name: str, args: DeviceManifestArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:Manifest", name, {}, opts)
        manifest = muster.ThingManifest(
            f"{name}-manifest",
            {
                "data_endpoint": args["data_endpoint"],
                "manifest_name": args["manifest_name"],
                "file": args["file"],
                "content_hash": content_hash(Path(args["file"])),
                "thing_type": args["thing_type"],
                "thing_group": args["thing_group"],
                "policies": args["policies"],
                "initial_twin": {"tags": args["tags"], "desired": args["desired"]},
                "enabled": args["enabled"],
                "allow_removals": args["allow_removals"],
                "adopt": args["adopt"],
            },
            pulumi.ResourceOptions(parent=self, depends_on=roles.awaited(opts)),
        )
        self.rows, self.accepted, self.refused = manifest.rows, manifest.accepted, manifest.refused
        self.register_outputs({"rows": self.rows, "accepted": self.accepted, "refused": self.refused})
