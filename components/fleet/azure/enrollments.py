"""Who may be provisioned: groups, individual enrollments, manifests; and who picks their hub."""

from typing import Any

from certs.chain import pem
from components.azure import device_registry
from components.azure.device_manifest import DeviceManifest
from components.azure.enrollment_group import EnrollmentGroup, EnrollmentGroupArgs
from components.azure.enrollment_group import GroupAttestation as GroupAttestationArgs
from components.azure.individual_enrollment import (
    DeviceAttestation,
    IndividualEnrollment,
    IndividualEnrollmentArgs,
)
from components.azure.provisioning import Provisioning as ProvisioningArgs
from components.fleet.azure import webhooks
from components.fleet.azure.ground import Ground
from components.fleet.azure.hubs import Hubs
from components.fleet.azure.service import Provisioning
from components.placing import on
from fleet.description import (
    X509,
    CaReference,
    ClientCertificate,
    Enrollment,
    EnrollmentAttestation,
    Group,
    GroupAttestation,
    Manifest,
    SymmetricKey,
    Tpm,
)
from fleet.description import Provisioning as Described


def declare(ground: Ground, hubs: Hubs, service: Provisioning) -> dict[str, Any]:
    """Declare all that may be provisioned. Returns what became of the manifests."""
    declaring = _Declaring(ground, hubs, service)
    for group_id, group in ground.groups.items():
        declaring.group(group_id, group)
    for registration_id, enrollment in on("azure", ground.fleet.enrollments).items():
        declaring.enrollment(registration_id, enrollment)
    manifests = on("azure", ground.fleet.manifests)
    made = {name: declaring.manifest(name, each) for name, each in manifests.items()}
    return {
        name: {"rows": each.rows, "accepted": each.accepted, "refused": each.refused}
        for name, each in made.items()
    }


class _Declaring:
    """Declares enrollments of one fleet, each after what provisions it."""

    def __init__(self, ground: Ground, hubs: Hubs, service: Provisioning) -> None:
        self._ground = ground
        self._hubs = hubs
        self._service = service
        self._functions = webhooks.function_app(ground)
        self._opts = ground.after(service.ready)

    def group(self, group_id: str, group: Group) -> None:
        attestation = self._group_attestation(group.attestation)
        args: EnrollmentGroupArgs = {**self._common(group), **attestation, "group_id": group_id}
        EnrollmentGroup(self._ground.named(group_id), args, self._opts)

    def _group_attestation(self, attestation: GroupAttestation) -> GroupAttestationArgs:
        match attestation:
            case X509(issuer=issuer, secondary=secondary):
                second = None if secondary is None else self._issuer(secondary)
                return {"issuer": self._issuer(issuer), "secondary_issuer": second}
            case CaReference(issuer=issuer, secondary=secondary):
                return {"authority": issuer, "secondary_authority": secondary}
            case SymmetricKey():
                return {"symmetric_key": True}

    def enrollment(self, registration_id: str, enrollment: Enrollment) -> None:
        args: IndividualEnrollmentArgs = {
            **self._common(enrollment),
            **self._device_attestation(enrollment.attestation),
            "registration_id": registration_id,
            "device_id": enrollment.device_id,
        }
        IndividualEnrollment(self._ground.named(registration_id), args, self._opts)

    def _device_attestation(self, attestation: EnrollmentAttestation) -> DeviceAttestation:
        match attestation:
            case ClientCertificate(certificate=certificate, secondary=secondary):
                second = None if secondary is None else self._leaf(secondary)
                return {"certificate": self._leaf(certificate), "secondary_certificate": second}
            case CaReference(issuer=issuer, secondary=secondary):
                return {"authority": issuer, "secondary_authority": secondary}
            case SymmetricKey():
                return {"symmetric_key": True}
            case Tpm(endorsement_key=key):
                return {"endorsement_key": key}

    def manifest(self, name: str, manifest: Manifest) -> DeviceManifest:
        return DeviceManifest(
            self._ground.named(name),
            {
                **self._common(manifest),
                "manifest_name": name,
                "file": manifest.file,
                "attestation": manifest.attestation,
                "allow_removals": manifest.allow_removals,
                "adopt": manifest.adopt,
            },
            self._opts,
        )

    def _common(self, described: Described) -> ProvisioningArgs:
        registry = self._ground.fleet.on_azure.registry
        issued = described.certificates
        return {
            "service_host": self._service.dps.service_host,
            "hubs": [self._hubs[key].host for key in described.on_hubs.hubs],
            "allocation_policy": described.on_hubs.policy,
            "webhook_url": webhooks.url(described.on_hubs.webhook, self._functions),
            "reprovision": described.reprovision,
            "tags": described.twin.tags,
            "desired": described.twin.desired,
            "enabled": described.enabled,
            "edge": described.edge,
            "certificates": (
                device_registry.issued_by(registry.namespace, issued.policy) if registry and issued else None
            ),
            "api_version": self._ground.fleet.on_azure.provisioning_api,
        }

    def _issuer(self, name: str) -> str:
        return pem(self._ground.sources.chain.issuers[name])

    def _leaf(self, file: str) -> str:
        return pem(self._ground.sources.certificates[file])
