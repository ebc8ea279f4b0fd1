"""Who may be provisioned on AWS: groups by their way of enrolment, and devices one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from certs.chain import pem
from components import permissions
from components.aws import names
from components.aws.certificate_authority import CertificateAuthority, IssuerArgs, TemplateArgs
from components.aws.device_manifest import DeviceManifest
from components.aws.device_policy import DevicePolicy, policy_names
from components.aws.fleet_provisioning import FleetProvisioning
from components.aws.just_in_time_provisioning import JustInTimeProvisioning
from components.aws.just_in_time_registration import JustInTimeRegistration
from components.aws.provisioning_template import Registered
from components.aws.registered_thing import RegisteredThing
from components.aws.thing_registry import ThingRegistry, ThingRegistryArgs
from components.fleet.aws.ground import Ground
from components.placing import on
from fleet.description import X509, Claim, ClientCertificate, Enrollment, Group, Jitp, Jitr, Manifest


@dataclass(frozen=True)
class Enrolled:
    """What a group is told by: its way of enrolment, its template where it has one, its first policy."""

    enrolment: str
    template: pulumi.Output[str] | None
    policy: str

    def output(self) -> dict[str, Any]:
        """As the stack's output has it."""
        return {"enrolment": self.enrolment, "template": self.template, "policy": self.policy}


def declare(
    ground: Ground, data_endpoint: pulumi.Output[str], registry: ThingRegistry
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Declare all that may be provisioned; of each group, how, and what became of each manifest."""
    groups = on("aws", ground.fleet.groups)
    enrollments = on("aws", ground.fleet.enrollments)
    declaring = _Declaring(ground, data_endpoint, registry)
    made = {key: declaring.policies(key, group) for key, group in groups.items()}
    provisioned = {
        key: declaring.provisioning(key, group, made[key])
        for key, group in groups.items()
        if isinstance(group.on_aws.enrolment, Jitp)
    }
    authority = declaring.authority(groups, provisioned)
    told = {
        key: declaring.group(key, group, made[key], authority, provisioned.get(key))
        for key, group in groups.items()
    }
    for registration_id, enrollment in enrollments.items():
        declaring.device(registration_id, enrollment)
    manifests = {
        name: declaring.manifest(name, each) for name, each in on("aws", ground.fleet.manifests).items()
    }
    counted = {
        name: {"rows": each.rows, "accepted": each.accepted, "refused": each.refused}
        for name, each in manifests.items()
    }
    return {key: each.output() for key, each in told.items()}, counted


def registry(ground: Ground, settings: pulumi.Resource | None) -> ThingRegistry:
    """Declare types and groups of things, once the account's settings (its index) are there, if any are."""
    fleet = ground.fleet.name
    groups = on("aws", ground.fleet.groups)
    kinds = {names.group(fleet, key): f"Group {key} of the fleet {fleet}." for key in groups}
    for name in on("aws", ground.fleet.manifests):
        kinds[names.group(fleet, name)] = f"Manifest {name} of the fleet {fleet}."
    if on("aws", ground.fleet.enrollments):
        kinds[fleet] = f"Devices of the fleet {fleet} that are named one by one."
    dynamic = {names.group(fleet, key): query for key, query in ground.described.dynamic_groups.items()}
    billing = {
        names.group(fleet, key): f"Things of the group {key} of the fleet {fleet}."
        for key, group in groups.items()
        if group.on_aws.billing_group
    }
    args: ThingRegistryArgs = {
        "groups": kinds,
        "dynamic_groups": dynamic,
        "billing_groups": billing,
        "tags": ground.tags,
    }
    opts = ground.opts if settings is None else ground.after([settings])
    return ThingRegistry(ground.named("registry"), args, opts)


class _Declaring:
    """Declares what enrols the devices of one fleet."""

    def __init__(self, ground: Ground, data_endpoint: pulumi.Output[str], registry: ThingRegistry) -> None:
        self._ground = ground
        self._data_endpoint = data_endpoint
        self._registry = registry

    def policies(self, key: str, group: Group | Manifest) -> DevicePolicy:
        ground = self._ground
        return DevicePolicy(
            ground.named(f"{key}-policy"),
            {
                "policy_name": names.group(ground.fleet.name, key),
                "scope": ground.scope(key),
                "permissions": ground.permissions(key, group),
                "tags": ground.tags,
            },
            ground.opts,
        )

    def provisioning(self, key: str, group: Group, policies: DevicePolicy) -> JustInTimeProvisioning:
        ground = self._ground
        return JustInTimeProvisioning(
            ground.named(f"{key}-jitp"),
            {
                "place": ground.place,
                "key": key,
                "template_name": names.group(ground.fleet.name, key),
                "registered": self._registered(key, group),
                "enabled": group.enabled,
                "tags": ground.tags,
            },
            ground.after([self._registry, policies]),
        )

    def authority(
        self, groups: Mapping[str, Group], provisioned: Mapping[str, JustInTimeProvisioning]
    ) -> CertificateAuthority:
        ground = self._ground
        issuers: dict[str, IssuerArgs] = {}
        for key, group in groups.items():
            template = _template(provisioned.get(key))
            for issuer in _issuers(group):
                issuers[issuer] = {
                    "certificate": pem(ground.sources.chain.issuers[issuer]),
                    "enabled": group.enabled,
                    "template": template,
                }
        return CertificateAuthority(
            ground.named("ca"),
            {
                "issuers": issuers,
                "mode": ground.described.certificate_mode,
                "protect": ground.fleet.protect,
                "tags": ground.tags,
            },
            ground.opts,
        )

    def group(
        self,
        key: str,
        group: Group,
        policies: DevicePolicy,
        authority: CertificateAuthority,
        provisioned: JustInTimeProvisioning | None,
    ) -> Enrolled:
        first = names.group(self._ground.fleet.name, key)
        awaited: list[pulumi.Resource] = [self._registry, policies]
        match group.on_aws.enrolment:
            case Jitp():
                return Enrolled("jitp", None if provisioned is None else provisioned.template_name, first)
            case Jitr() as jitr:
                self._registration(key, group, jitr, authority, awaited)
                return Enrolled("jitr", None, first)
            case Claim() as claim:
                return Enrolled("claim", self._by_claim(key, group, claim, awaited).template_name, first)

    def _registration(
        self,
        key: str,
        group: Group,
        jitr: Jitr,
        authority: CertificateAuthority,
        awaited: list[pulumi.Resource],
    ) -> None:
        ground = self._ground
        JustInTimeRegistration(
            ground.named(f"{key}-jitr"),
            {
                "place": ground.place,
                "key": key,
                "authorities": {issuer: authority.ids[issuer] for issuer in _issuers(group)},
                "data_endpoint": self._data_endpoint,
                "allow": jitr.allow,
                "registered": self._registered(key, group),
                "desired": group.twin.desired,
                "enabled": group.enabled,
                "tags": ground.tags,
            },
            ground.after(awaited),
        )

    def _by_claim(
        self, key: str, group: Group, claim: Claim, awaited: list[pulumi.Resource]
    ) -> FleetProvisioning:
        ground = self._ground
        return FleetProvisioning(
            ground.named(f"{key}-claim"),
            {
                "place": ground.place,
                "key": key,
                "scope": ground.scope(key),
                "template_name": names.group(ground.fleet.name, key),
                "claims": {
                    each: pem(ground.sources.certificates[file]) for each, file in claim.certificates.items()
                },
                "data_endpoint": self._data_endpoint,
                "allow": claim.allow,
                "limit": claim.limit,
                "renews": claim.renews,
                "registered": self._registered(key, group),
                "desired": group.twin.desired,
                "enabled": group.enabled,
                "tags": ground.tags,
            },
            ground.after(awaited),
        )

    def device(self, registration_id: str, enrollment: Enrollment) -> None:
        ground = self._ground
        RegisteredThing(
            ground.named(registration_id),
            {
                "thing_name": registration_id,
                "thing_type": ground.fleet.name,
                "thing_group": ground.fleet.name,
                "certificates": self._certificates(enrollment),
                "attributes": enrollment.twin.tags,
                "policy_name": names.device(ground.fleet.name, registration_id),
                "scope": ground.scope(registration_id),
                "permissions": ground.permissions(registration_id, enrollment),
                "enabled": enrollment.enabled,
                "tags": ground.tags,
            },
            ground.after([self._registry]),
        )

    def manifest(self, name: str, manifest: Manifest) -> DeviceManifest:
        ground = self._ground
        policies = self.policies(name, manifest)
        kind = names.group(ground.fleet.name, name)
        return DeviceManifest(
            ground.named(name),
            {
                "manifest_name": kind,
                "file": manifest.file,
                "data_endpoint": self._data_endpoint,
                "thing_type": kind,
                "thing_group": kind,
                "policies": policies.names,
                "tags": manifest.twin.tags,
                "desired": manifest.twin.desired,
                "enabled": manifest.enabled,
                "allow_removals": manifest.allow_removals,
                "adopt": manifest.adopt,
            },
            ground.after([self._registry, policies]),
        )

    def _certificates(self, enrollment: Enrollment) -> list[str]:
        attestation = enrollment.attestation
        assert isinstance(attestation, ClientCertificate), "the description was checked"
        files = [each for each in (attestation.certificate, attestation.secondary) if each is not None]
        return [pem(self._ground.sources.certificates[each]) for each in files]

    def _registered(self, key: str, group: Group) -> Registered:
        name = names.group(self._ground.fleet.name, key)
        parts = permissions.compiled(self._ground.fleet, self._ground.account, key, group)
        return {
            "thing_type": name,
            "thing_group": name,
            "policies": [policy_names(name)[part] for part in parts],
            "attributes": group.twin.tags,
            "billing_group": name if group.on_aws.billing_group else None,
        }


def _template(provisioned: JustInTimeProvisioning | None) -> TemplateArgs | None:
    if provisioned is None:
        return None
    return {"name": provisioned.template_name, "role_arn": provisioned.role_arn}


def _issuers(group: Group) -> list[str]:
    """The issuers whose devices AWS IoT registers by itself: none of a group of claims."""
    attestation = group.attestation
    if isinstance(group.on_aws.enrolment, Claim) or not isinstance(attestation, X509):
        return []
    return [each for each in (attestation.issuer, attestation.secondary) if each is not None]
