"""One device, and how it is provisioned."""

from typing import NotRequired

import pulumi

from components import muster
from components.azure import provisioning
from components.azure.provisioning import Provisioning, ServiceAttestation


class DeviceAttestation(ServiceAttestation, total=False):
    """How the device proves who it is: exactly one of `certificate`, `endorsement_key`, `authority`,
    `symmetric_key`."""

    certificate: str
    """PEM of the device's own certificate, public."""
    secondary_certificate: str | None
    endorsement_key: str
    """Public endorsement key of its TPM, base64."""


class IndividualEnrollmentArgs(Provisioning, DeviceAttestation):
    """Arguments of IndividualEnrollment."""

    registration_id: str
    device_id: NotRequired[str | None]
    """Its id in the hub; without it the registration id."""


class IndividualEnrollment(pulumi.ComponentResource):
    """An individual enrollment: DPS looks here before it looks among the groups."""

    etag: pulumi.Output[str]
    """Version of the enrollment in the service."""

    def __init__(
        self, name: str, args: IndividualEnrollmentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:IndividualEnrollment", name, {}, opts)
        enrollment = muster.IndividualEnrollment(
            f"{name}-enrollment",
            {
                **provisioning.sent(args),
                **provisioning.attested(args),
                "registration_id": args["registration_id"],
                "device_id": args.get("device_id"),
                "client_certificate": args.get("certificate"),
                "secondary_client_certificate": args.get("secondary_certificate"),
                "endorsement_key": args.get("endorsement_key"),
            },
            provisioning.awaiting(self, opts),
        )
        self.etag = enrollment.etag
        self.register_outputs({"registrationId": args["registration_id"], "etag": self.etag})
