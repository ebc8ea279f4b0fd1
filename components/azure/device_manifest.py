"""Many individual enrollments from one file, as one resource."""

from pathlib import Path

import pulumi

from components import muster
from components.azure import provisioning
from components.azure.provisioning import Provisioning
from components.content import content_hash


class DeviceManifestArgs(Provisioning):
    """Arguments of DeviceManifest."""

    manifest_name: str
    """Once in a service: every enrollment of the manifest carries it."""
    file: str
    """Path of the CSV or Parquet file, from the project's root."""
    attestation: str
    """x509, symmetricKey or tpm; the file has the proof of each device."""
    allow_removals: bool
    """Whether more than 10 rows, and more than a tenth, may be gone from the file."""
    adopt: bool
    """Whether a creation may change and remove enrollments that carry the manifest's mark."""


class DeviceManifest(pulumi.ComponentResource):
    """The individual enrollments of a file: what counts is its content, by its hash, not its name or time.

    A row may say otherwise than the arguments. Rows that the service refuses are told with their line and
    reason, while the rest goes through.
    """

    rows: pulumi.Output[int]
    accepted: pulumi.Output[int]
    refused: pulumi.Output[int]

    def __init__(
        self, name: str, args: DeviceManifestArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:DeviceManifest", name, {}, opts)
        manifest = muster.DeviceManifest(
            f"{name}-manifest",
            {
                **provisioning.sent(args),
                "manifest_name": args["manifest_name"],
                "file": args["file"],
                "content_hash": content_hash(Path(args["file"])),
                "attestation": args["attestation"],
                "allow_removals": args["allow_removals"],
                "adopt": args["adopt"],
            },
            provisioning.awaiting(self, opts),
        )
        self.rows, self.accepted, self.refused = manifest.rows, manifest.accepted, manifest.refused
        self.register_outputs({"rows": self.rows, "accepted": self.accepted, "refused": self.refused})
