"""Resources for AWS: `muster:aws:*`."""

from typing import TypedDict

import pulumi

from components.muster.shapes import Resource, inputs


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
