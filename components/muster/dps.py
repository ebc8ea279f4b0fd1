"""Resources of a provisioning service: `muster:dps:*`."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from components.muster.shapes import Capabilities, IssuedBy, Resource, Twin, inputs


class VerifiedCertificateArgs(TypedDict):
    """A CA certificate in a provisioning service."""

    provisioning_service_id: pulumi.Input[str]
    certificate_name: pulumi.Input[str]
    certificate: pulumi.Input[str]
    """PEM, public. Its key is looked up by the provider, in the key store, and never leaves the signer."""


class VerifiedCertificate(Resource):
    """A CA certificate that DPS trusts because whoever holds its key has proved so."""

    thumbprint: pulumi.Output[str]
    subject: pulumi.Output[str]
    expiry: pulumi.Output[str]
    is_verified: pulumi.Output[bool]
    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: VerifiedCertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        sent = inputs(args, "thumbprint", "subject", "expiry", "is_verified", "etag")
        super().__init__("muster:dps:VerifiedCertificate", name, sent, opts)


class HubLinkArgs(TypedDict):
    """A hub that a provisioning service may register devices in."""

    provisioning_service_id: pulumi.Input[str]
    hub_host: pulumi.Input[str]
    hub_location: pulumi.Input[str]
    allocation_weight: pulumi.Input[int]
    apply_allocation_policy: pulumi.Input[bool]
    """False: the hub stands by; devices come to it only when an enrollment names it."""
    service_revision: pulumi.Input[str | None]
    """The service's ETag: it changes whenever the service is written anew, which drops its links."""


class HubLink(Resource):
    """The link of a hub to a provisioning service, which authenticates with its own identity."""

    def __init__(self, name: str, args: HubLinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        sent = inputs(args) | {"authentication": "SystemAssigned"}
        super().__init__("muster:dps:HubLink", name, sent, opts)


class ServiceRegistryLinkArgs(TypedDict):
    """A Device Registry namespace that a provisioning service issues certificates from."""

    provisioning_service_id: pulumi.Input[str]
    namespace_id: pulumi.Input[str]
    service_revision: pulumi.Input[str | None]
    """As for HubLink: writing the service anew drops the link."""


class ServiceRegistryLink(Resource):
    """The link of a namespace to a provisioning service, which authenticates with its own identity."""

    def __init__(
        self, name: str, args: ServiceRegistryLinkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:dps:RegistryLink", name, inputs(args), opts)


class ProvisioningArgs(TypedDict):
    """What groups, individual enrollments and manifests have in common."""

    service_host: pulumi.Input[str]
    allocation_policy: pulumi.Input[str]
    """hashed, geoLatency, static or custom."""
    iot_hubs: pulumi.Input[Sequence[pulumi.Input[str]]]
    webhook_url: NotRequired[pulumi.Input[str | None]]
    """Of custom allocation; a secret, since its key is part of it."""
    webhook_api_version: NotRequired[pulumi.Input[str | None]]
    initial_twin: pulumi.Input[Twin]
    reprovision: pulumi.Input[str]
    """keep, migrate or reset."""
    enabled: pulumi.Input[bool]
    capabilities: NotRequired[pulumi.Input[Capabilities]]
    registry: NotRequired[pulumi.Input[IssuedBy | None]]
    api_version: NotRequired[pulumi.Input[str]]


class AttestationArgs(TypedDict, total=False):
    """How the devices prove who they are, where the service itself knows: exactly one way."""

    authority_reference: pulumi.Input[str | None]
    """Name of a CA certificate in the service."""
    secondary_authority_reference: pulumi.Input[str | None]
    symmetric_key: pulumi.Input[bool | None]
    """True: by a key, which the service makes."""


class EnrollmentGroupArgs(ProvisioningArgs, AttestationArgs):
    """Devices of one CA or one key, and how they are provisioned."""

    enrollment_group_id: pulumi.Input[str]
    signing_certificate: NotRequired[pulumi.Input[str | None]]
    """PEM, public: the intermediate that signs the devices' certificates."""
    secondary_signing_certificate: NotRequired[pulumi.Input[str | None]]


class EnrollmentGroup(Resource):
    """An enrollment group in the data plane of DPS."""

    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: EnrollmentGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:dps:EnrollmentGroup", name, inputs(args, "etag"), _guarded(opts))


class IndividualEnrollmentArgs(ProvisioningArgs, AttestationArgs):
    """One device, and how it is provisioned."""

    registration_id: pulumi.Input[str]
    device_id: NotRequired[pulumi.Input[str | None]]
    client_certificate: NotRequired[pulumi.Input[str | None]]
    """PEM, public: the device's own certificate."""
    secondary_client_certificate: NotRequired[pulumi.Input[str | None]]
    endorsement_key: NotRequired[pulumi.Input[str | None]]
    """The public endorsement key of its TPM, base64."""


class IndividualEnrollment(Resource):
    """An individual enrollment in the data plane of DPS."""

    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: IndividualEnrollmentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:dps:IndividualEnrollment", name, inputs(args, "etag"), _guarded(opts))


class DeviceManifestArgs(ProvisioningArgs):
    """Many individual enrollments in one file."""

    manifest_name: pulumi.Input[str]
    """Once in a service: enrollments carry it."""
    file: pulumi.Input[str]
    """Path of the CSV or Parquet file, from the project's root."""
    content_hash: pulumi.Input[str]
    """`sha256:…` of the file: what makes a change of the file a change of the resource."""
    attestation: pulumi.Input[str]
    """x509, symmetricKey or tpm."""
    allow_removals: pulumi.Input[bool]
    """Whether an `up` may remove more than a tenth of the rows (and 10)."""
    adopt: pulumi.Input[bool]
    """Whether a creation may change and remove enrollments that carry this manifest's name already."""


class DeviceManifest(Resource):
    """The individual enrollments of a file, as one resource."""

    rows: pulumi.Output[int]
    accepted: pulumi.Output[int]
    refused: pulumi.Output[int]

    def __init__(
        self, name: str, args: DeviceManifestArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        sent = inputs(args, "rows", "accepted", "refused")
        super().__init__("muster:dps:DeviceManifest", name, sent, _guarded(opts))


def _guarded(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """The address of a webhook carries its key: whatever the provider answers, the engine keeps it secret."""
    secret = pulumi.ResourceOptions(additional_secret_outputs=["webhookUrl"])
    return pulumi.ResourceOptions.merge(opts, secret) if opts else secret
