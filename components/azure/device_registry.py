"""Azure Device Registry: a namespace that issues certificates to devices which send a CSR.

API 2025-11-01-preview (Microsoft.DeviceRegistry/namespaces, credentials, policies), the one that azure-native
3 speaks. Identities and roles: "Create an IoT hub with certificate management in Azure Device Registry",
learn.microsoft.com, revision of January 2026.
"""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
from pulumi_azure_native import deviceregistry

from components.azure import roles
from components.muster import HubRegistryLink, IssuedBy, ServiceRegistryLink

AUTHORITY = "default"
"""The credential (the root CA) of a namespace: there is one, and this is its name."""


class PolicyArgs(TypedDict):
    """What certificates are issued."""

    days: int
    """How long a certificate is valid."""
    key_type: NotRequired[str]
    """Of the issuing CA's key: ECC."""


class LinkedHub(TypedDict):
    """A hub that trusts what the namespace issues."""

    key: str
    hub_id: pulumi.Input[str]
    principal_id: pulumi.Input[str]
    revision: pulumi.Input[str]
    """The hub's ETag: writing the hub anew drops the link."""


class LinkedService(TypedDict):
    """The provisioning service that hands CSRs to the namespace."""

    name: str
    service_id: pulumi.Input[str]
    principal_id: pulumi.Input[str]
    revision: pulumi.Input[str | None]


class DeviceRegistryArgs(TypedDict):
    """Arguments of DeviceRegistry."""

    resource_group_name: pulumi.Input[str]
    namespace: str
    location: str
    """The same as the provisioning service's."""
    policies: Mapping[str, PolicyArgs]
    service: LinkedService
    hubs: list[LinkedHub]
    tags: Mapping[str, str]


class DeviceRegistry(pulumi.ComponentResource):
    """A namespace with its root CA (credential), its issuing CAs (policies), and its links to DPS and hubs.

    The keys of the CAs are made and kept by the registry. The provisioning service and the hubs get the role
    Azure Device Registry Contributor on the namespace, by their system-assigned identities (the page has
    user-assigned ones); the namespace gets IoT Hub Registry Contributor on each hub. The page gives
    the namespace Contributor on the hub besides, to write CA certificates there: we do so too, since nothing
    narrower is published.
    """

    namespace_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: DeviceRegistryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:DeviceRegistry", name, {}, opts)
        namespace = self._namespace(name, args)
        self.namespace_id = namespace.id
        self._policies = self._issuers(name, args, namespace)
        service = self._link_service(name, args["service"])
        principal = namespace.identity.apply(lambda identity: identity.principal_id if identity else "")
        for hub in args["hubs"]:
            self._link_hub(f"{name}/{hub['key']}", args["namespace"], hub, principal, service)
        self.register_outputs({"namespaceId": self.namespace_id})

    def _namespace(self, name: str, args: DeviceRegistryArgs) -> "deviceregistry.Namespace":
        identity = deviceregistry.SystemAssignedServiceIdentityArgs(type="SystemAssigned")
        return deviceregistry.Namespace(
            f"{name}-namespace",
            resource_group_name=args["resource_group_name"],
            namespace_name=args["namespace"],
            location=args["location"],
            identity=identity,
            tags=args["tags"],
            # The links are not this resource's: a refresh reads them into it, an update would drop them.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["messaging", "provisioning"]),
        )

    def _issuers(
        self, name: str, args: DeviceRegistryArgs, namespace: "deviceregistry.Namespace"
    ) -> list[pulumi.Resource]:
        credential = deviceregistry.Credential(
            f"{name}-credential",
            resource_group_name=args["resource_group_name"],
            namespace_name=namespace.name,
            location=args["location"],
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return [
            deviceregistry.Policy(
                f"{name}-{policy}-policy",
                resource_group_name=args["resource_group_name"],
                namespace_name=namespace.name,
                policy_name=policy,
                location=args["location"],
                properties=_policy(each),
                tags=args["tags"],
                opts=pulumi.ResourceOptions(parent=self, depends_on=[credential]),
            )
            for policy, each in args["policies"].items()
        ]

    def _link_service(self, name: str, service: LinkedService) -> ServiceRegistryLink:
        right = roles.assign(
            f"{name}-dps-role",
            roles.DEVICE_REGISTRY_CONTRIBUTOR,
            to=service["principal_id"],
            on=self.namespace_id,
            key=(service["name"], "registry"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return ServiceRegistryLink(
            f"{name}-dps-link",
            {
                "provisioning_service_id": service["service_id"],
                "namespace_id": self.namespace_id,
                "service_revision": service["revision"],
            },
            pulumi.ResourceOptions(parent=self, depends_on=[right, *self._policies]),
        )

    def _link_hub(
        self,
        name: str,
        namespace: str,
        hub: LinkedHub,
        principal: pulumi.Output[str],
        service: ServiceRegistryLink,
    ) -> None:
        """Link a hub; a namespace takes hubs only once a provisioning service is linked."""
        rights = [
            roles.assign(
                f"{name}-{what}-role",
                role,
                to=principal,
                on=hub["hub_id"],
                key=(namespace, "registry", hub["key"], what),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for what, role in _ON_HUBS.items()
        ]
        rights.append(
            roles.assign(
                f"{name}-namespace-role",
                roles.DEVICE_REGISTRY_CONTRIBUTOR,
                to=hub["principal_id"],
                on=self.namespace_id,
                key=(namespace, "registry", hub["key"], "namespace"),
                opts=pulumi.ResourceOptions(parent=self),
            )
        )
        HubRegistryLink(
            f"{name}-link",
            {
                "hub_id": hub["hub_id"],
                "namespace_id": self.namespace_id,
                "service_revision": hub["revision"],
            },
            pulumi.ResourceOptions(parent=self, depends_on=[*rights, service]),
        )


_ON_HUBS = {"hub": roles.CONTRIBUTOR, "devices": roles.IOT_HUB_REGISTRY_CONTRIBUTOR}


def _policy(args: PolicyArgs) -> "deviceregistry.PolicyPropertiesArgs":
    certificate = deviceregistry.CertificateConfigurationArgs(
        certificate_authority_configuration=deviceregistry.CertificateAuthorityConfigurationArgs(
            key_type=args.get("key_type", "ECC")
        ),
        leaf_certificate_configuration=deviceregistry.LeafCertificateConfigurationArgs(
            validity_period_in_days=args["days"]
        ),
    )
    return deviceregistry.PolicyPropertiesArgs(certificate=certificate)


def issued_by(namespace: str, policy: str) -> IssuedBy:
    """What an enrollment names to have certificates issued."""
    return {
        "namespace_name": namespace,
        "certificate_authority_name": AUTHORITY,
        "certificate_policy_name": policy,
    }
