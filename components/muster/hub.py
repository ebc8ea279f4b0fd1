"""Resources of a hub: `muster:hub:*`."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from components.muster.shapes import Authentication, Content, Resource, Twin, inputs


class ConfigurationArgs(TypedDict):
    """What devices or modules that meet a condition are told."""

    hub_host: pulumi.Input[str]
    configuration_id: pulumi.Input[str]
    target_condition: pulumi.Input[str]
    priority: pulumi.Input[int]
    content: pulumi.Input[Content]
    """Cannot be changed in the service: a change is a replacement."""
    metrics: pulumi.Input[Mapping[str, str]]
    labels: pulumi.Input[Mapping[str, str]]


class Configuration(Resource):
    """A configuration of automatic device management, or an IoT Edge deployment."""

    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: ConfigurationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:hub:Configuration", name, inputs(args, "etag"), opts)


class DeviceArgs(Authentication):
    """A device that stands in its hub without being provisioned."""

    hub_host: pulumi.Input[str]
    device_id: pulumi.Input[str]
    iot_edge: pulumi.Input[bool]
    parent_device_id: NotRequired[pulumi.Input[str | None]]
    enabled: pulumi.Input[bool]
    initial_twin: pulumi.Input[Twin]


class Device(Resource):
    """A device identity in the registry of a hub. A key, where it has one, the hub makes and keeps."""

    device_scope: pulumi.Output[str | None]
    etag: pulumi.Output[str]

    def __init__(self, name: str, args: DeviceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:hub:Device", name, inputs(args, "device_scope", "etag"), opts)


class ModuleArgs(TypedDict):
    """A module of a device. It has a key, which the hub makes and keeps."""

    hub_host: pulumi.Input[str]
    device_id: pulumi.Input[str]
    module_id: pulumi.Input[str]
    tags: pulumi.Input[Mapping[str, Any]]
    desired: pulumi.Input[Mapping[str, Any]]


class Module(Resource):
    """A module identity in the registry of a hub, and its twin."""

    etag: pulumi.Output[str]

    def __init__(self, name: str, args: ModuleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:hub:Module", name, inputs(args, "etag"), opts)


class HubCertificateArgs(TypedDict):
    """A CA certificate in a hub."""

    hub_id: pulumi.Input[str]
    certificate_name: pulumi.Input[str]
    certificate: pulumi.Input[str]
    """PEM, public. Its key is looked up by the provider, in the key store, and never leaves the signer."""


class HubCertificate(Resource):
    """A CA certificate that a hub trusts because whoever holds its key has proved so."""

    thumbprint: pulumi.Output[str]
    is_verified: pulumi.Output[bool]
    etag: pulumi.Output[str]

    def __init__(
        self, name: str, args: HubCertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        sent = inputs(args, "thumbprint", "is_verified", "etag")
        super().__init__("muster:hub:VerifiedCertificate", name, sent, opts)


class HubRegistryLinkArgs(TypedDict):
    """A Device Registry namespace whose certificates a hub trusts."""

    hub_id: pulumi.Input[str]
    namespace_id: pulumi.Input[str]
    service_revision: pulumi.Input[str | None]
    """The hub's ETag: writing the hub anew drops the link."""


class HubRegistryLink(Resource):
    """The link of a namespace to a hub."""

    def __init__(
        self, name: str, args: HubRegistryLinkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:hub:RegistryLink", name, inputs(args), opts)
