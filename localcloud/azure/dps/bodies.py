"""The shapes of enrollments' bodies: IndividualEnrollment and EnrollmentGroup, service.json 2021-10-01.

2026-11-01 adds the three members that name a policy of Azure Device Registry.
"""

from collections.abc import Mapping
from typing import Any

from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL
from localcloud.azure.shapes import Choice, Kind, ListOf, MapOf, Member, Scalar, Shape

_TEXT, _FLAG, _ANY = Scalar("str"), Scalar("bool"), Scalar("any")
_FREE = MapOf(_ANY)
_WRITTEN_BY_SERVICE = Member(_ANY, read_only=True)


def _shape(
    name: str, required: Mapping[str, Kind] | None = None, optional: Mapping[str, Kind] | None = None
) -> Shape:
    members = {key: Member(kind, required=True) for key, kind in (required or {}).items()}
    return Shape(name, {**members, **{key: Member(kind) for key, kind in (optional or {}).items()}})


_CERTIFICATE = _shape("X509CertificateWithInfo", optional={"certificate": _TEXT, "info": _FREE})
_CERTIFICATES = _shape("X509Certificates", optional={"primary": _CERTIFICATE, "secondary": _CERTIFICATE})
_REFERENCES = _shape("X509CAReferences", optional={"primary": _TEXT, "secondary": _TEXT})
_X509 = _shape(
    "X509Attestation",
    optional={
        "clientCertificates": _CERTIFICATES,
        "signingCertificates": _CERTIFICATES,
        "caReferences": _REFERENCES,
    },
)
_ATTESTATION = _shape(
    "AttestationMechanism",
    required={"type": Choice(("none", "tpm", "x509", "symmetricKey"))},
    optional={
        "tpm": _shape("TpmAttestation", optional={"endorsementKey": _TEXT, "storageRootKey": _TEXT}),
        "x509": _X509,
        "symmetricKey": _shape(
            "SymmetricKeyAttestation", optional={"primaryKey": _TEXT, "secondaryKey": _TEXT}
        ),
    },
)
_TWIN = _shape(
    "InitialTwin",
    optional={"tags": _FREE, "properties": _shape("InitialTwinProperties", optional={"desired": _FREE})},
)
_COMMON: dict[str, Kind] = {
    "capabilities": _shape("DeviceCapabilities", required={"iotEdge": _FLAG}),
    "iotHubHostName": _TEXT,
    "initialTwin": _TWIN,
    "etag": _TEXT,
    "provisioningStatus": Choice(("enabled", "disabled")),
    "reprovisionPolicy": _shape(
        "ReprovisionPolicy", required={"updateHubAssignment": _FLAG, "migrateDeviceData": _FLAG}
    ),
    "allocationPolicy": Choice(("hashed", "geoLatency", "static", "custom")),
    "iotHubs": ListOf(_TEXT),
    "customAllocationDefinition": _shape(
        "CustomAllocationDefinition", required={"webhookUrl": _TEXT, "apiVersion": _TEXT}
    ),
}


def _limits(least: int, most: int, pattern: str) -> dict[str, Any]:
    return {"min_length": least, "max_length": most, "pattern": pattern}


_RESOURCE = Member(_TEXT, limits=_limits(3, 63, "^[0-9a-zA-Z][a-zA-Z0-9-]*$"))
_REGISTRY = {
    "namespaceName": Member(_TEXT, limits=_limits(3, 64, "^[a-z0-9][a-z0-9-]*[a-z0-9]$")),
    "certificateAuthorityName": _RESOURCE,
    "certificatePolicyName": _RESOURCE,
}


def _enrollment(name: str, identifier: str, more: Mapping[str, Kind]) -> Shape:
    shape = _shape(name, {identifier: _TEXT, "attestation": _ATTESTATION}, {**_COMMON, **more})
    written = dict.fromkeys(
        ("createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState"), _WRITTEN_BY_SERVICE
    )
    if name == "EnrollmentGroup":
        del written["registrationState"]
    shape.members.update({**_REGISTRY, **written})
    return shape


SHAPES = {
    INDIVIDUAL: _enrollment(
        "IndividualEnrollment", "registrationId", {"deviceId": _TEXT, "optionalDeviceInformation": _FREE}
    ),
    GROUP: _enrollment("EnrollmentGroup", "enrollmentGroupId", {}),
}
TWIN = _TWIN
