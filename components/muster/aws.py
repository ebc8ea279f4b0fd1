"""Resources for AWS: `muster:aws:*`."""

from collections.abc import Sequence
from typing import TypedDict

import pulumi

from components.muster.shapes import Resource, Twin, inputs


class VerificationCertificateArgs(TypedDict):
    """The proof that we hold the key of a CA."""

    ca_certificate: pulumi.Input[str]
    """PEM, public. Its key is looked up by the provider, in the key store, and never leaves the signer."""
    registration_code: pulumi.Input[str]
    """What the account in the region gives (`aws.iot.get_registration_code`)."""


class VerificationCertificate(Resource):
    """A certificate on an account's registration code, issued by the CA that is to be registered there."""

    certificate: pulumi.Output[str]

    def __init__(
        self, name: str, args: VerificationCertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:VerificationCertificate", name, inputs(args, "certificate"), opts)


class ThingManifestArgs(TypedDict):
    """Many things of AWS IoT in one file."""

    data_endpoint: pulumi.Input[str]
    manifest_name: pulumi.Input[str]
    """Once in a region of an account: things carry it."""
    file: pulumi.Input[str]
    """Path of the CSV or Parquet file, from the project's root."""
    content_hash: pulumi.Input[str]
    """`sha256:…` of the file: what makes a change of the file a change of the resource."""
    thing_type: pulumi.Input[str]
    thing_group: pulumi.Input[str]
    policies: pulumi.Input[Sequence[pulumi.Input[str]]]
    initial_twin: pulumi.Input[Twin]
    enabled: pulumi.Input[bool]
    allow_removals: pulumi.Input[bool]
    """Whether an `up` may remove more than a tenth of the rows (and 10)."""
    adopt: pulumi.Input[bool]
    """Whether a creation may change and remove things that carry this manifest's name already."""


class ThingManifest(Resource):
    """The things of a file, as one resource."""

    rows: pulumi.Output[int]
    accepted: pulumi.Output[int]
    refused: pulumi.Output[int]

    def __init__(
        self, name: str, args: ThingManifestArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        sent = inputs(args, "rows", "accepted", "refused")
        super().__init__("muster:aws:DeviceManifest", name, sent, opts)
