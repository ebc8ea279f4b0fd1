"""Typed resources of the muster provider: what no other provider has.

The provider checks every argument itself and says all that is wrong at once, so these classes only carry
names and types. What each resource does, and when it is replaced, is told beside its handler in
`provider/handlers/`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi


class Provider(pulumi.ProviderResource):
    """An explicit instance of the muster provider. It has no inputs.

    The default instance would be handed the stack's whole `muster:` configuration, the fleet description
    among it, as inputs of its own.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster", name, {}, opts)


class VerifiedCertificateArgs(TypedDict):
    """A CA certificate in a provisioning service."""

    provisioning_service_id: pulumi.Input[str]
    certificate_name: pulumi.Input[str]
    certificate: pulumi.Input[str]
    """PEM, public. Its key is looked up by the provider, in the key store, and never leaves the signer."""


class VerifiedCertificate(pulumi.CustomResource):
    """A CA certificate that DPS trusts because whoever holds its key has proved so."""

    thumbprint: pulumi.Output[str]
    subject: pulumi.Output[str]
    expiry: pulumi.Output[str]
    is_verified: pulumi.Output[bool]
    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: VerifiedCertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs: dict[str, Any] = {
            "provisioningServiceId": args["provisioning_service_id"],
            "certificateName": args["certificate_name"],
            "certificate": args["certificate"],
        }
        computed = dict.fromkeys(("thumbprint", "subject", "expiry", "is_verified", "etag"))
        super().__init__("muster:dps:VerifiedCertificate", name, inputs | computed, opts)

    def translate_output_property(self, prop: str) -> str:
        """The Python name of an output."""
        return "is_verified" if prop == "isVerified" else prop


class HubLinkArgs(TypedDict):
    """A hub that a provisioning service may register devices in."""

    provisioning_service_id: pulumi.Input[str]
    hub_host: pulumi.Input[str]
    hub_location: pulumi.Input[str]
    allocation_weight: pulumi.Input[int]
    service_revision: pulumi.Input[str | None]
    """The service's ETag: it changes whenever the service is written anew, which drops its links."""


class HubLink(pulumi.CustomResource):
    """The link of a hub to a provisioning service, which authenticates with its own identity."""

    def __init__(self, name: str, args: HubLinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        inputs: dict[str, Any] = {
            "provisioningServiceId": args["provisioning_service_id"],
            "hubHost": args["hub_host"],
            "hubLocation": args["hub_location"],
            "allocationWeight": args["allocation_weight"],
            "applyAllocationPolicy": True,
            "authentication": "SystemAssigned",
            "serviceRevision": args["service_revision"],
        }
        super().__init__("muster:dps:HubLink", name, inputs, opts)


class InitialTwin(TypedDict):
    """What a device's twin holds when the device is provisioned for the first time."""

    tags: pulumi.Input[Mapping[str, Any]]
    desired: pulumi.Input[Mapping[str, Any]]


class EnrollmentGroupArgs(TypedDict):
    """Devices that one CA signed, and how they are provisioned."""

    service_host: pulumi.Input[str]
    enrollment_group_id: pulumi.Input[str]
    signing_certificate: pulumi.Input[str]
    """PEM, public: the intermediate that signs the devices' certificates."""
    allocation_policy: pulumi.Input[str]
    iot_hubs: pulumi.Input[Sequence[pulumi.Input[str]]]
    initial_twin: pulumi.Input[InitialTwin]
    reprovision: pulumi.Input[str]
    """keep, migrate or reset."""
    enabled: pulumi.Input[bool]


class EnrollmentGroup(pulumi.CustomResource):
    """An enrollment group in the data plane of DPS."""

    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: EnrollmentGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs: dict[str, Any] = {
            "serviceHost": args["service_host"],
            "enrollmentGroupId": args["enrollment_group_id"],
            "signingCertificate": args["signing_certificate"],
            "allocationPolicy": args["allocation_policy"],
            "iotHubs": args["iot_hubs"],
            "initialTwin": args["initial_twin"],
            "reprovision": args["reprovision"],
            "enabled": args["enabled"],
        }
        super().__init__("muster:dps:EnrollmentGroup", name, inputs | {"etag": None}, opts)
