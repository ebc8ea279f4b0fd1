"""Groups, individual enrollments and manifests: who is whose, and that nobody is two."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from pathlib import PurePosixPath

from fleet.checks.findings import Check, differ_only_in_case, provisionings, provisionings_on, taken, unknown
from fleet.description import X509, CaReference, ClientCertificate, Cloud, Fleet, SymmetricKey, Tpm
from fleet.errors import Finding, Path, named, shown

_SYMMETRIC_KEY_GROUPS_MOST = 100
""""Azure IoT Hub Device Provisioning Service limits", learn.microsoft.com; it cannot be raised."""
_MANIFEST_ENDINGS = (".csv", ".parquet")
_TPM_KEY_TYPES = (b"\x00\x01", b"\x00\x23")
"""RSA and ECC, `TPMI_ALG_PUBLIC` of a TPM2B_PUBLIC (TPM 2.0 Library, Part 2: Structures, 12.2.5)."""


def _somebody_is_there(fleet: Fleet) -> Iterator[Finding]:
    if not (fleet.groups or fleet.enrollments or fleet.manifests or fleet.devices):
        right = "add groups, enrollments, manifests or devices"
        yield Finding(("groups",), "nobody can be provisioned, and no device is named", right)


def _issuer_fields(fleet: Fleet) -> Iterator[tuple[Path, str, bool]]:
    """Where issuers are named: the path, the issuer, and whether the root can be meant."""
    for path, provisioning in provisionings(fleet):
        attestation = provisioning.attestation
        if isinstance(attestation, X509 | CaReference):
            reference = isinstance(attestation, CaReference)
            place = (*path, "attestation", "caReference" if reference else "x509")
            yield (*place, "issuer"), attestation.issuer, reference
            if attestation.secondary is not None:
                yield (*place, "secondary"), attestation.secondary, reference


def _issuers_exist(fleet: Fleet) -> Iterator[Finding]:
    for path, issuer, by_reference in _issuer_fields(fleet):
        known = {**({"root": fleet.identity.root} if by_reference else {}), **fleet.identity.issuers}
        yield from unknown(path, issuer, known, "issuer", ("identity", "issuers"))


def _one_group_an_issuer(fleet: Fleet) -> Iterator[Finding]:
    """DPS finds a device's group by who signed its certificate: it cannot tell two groups of one issuer."""
    entries = [
        (path, issuer)
        for path, issuer, _ in _issuer_fields(fleet)
        if path[0] == "groups" and "azure" in fleet.groups[str(path[1])].clouds
    ]
    yield from taken(entries, "issuer", "a group needs an issuer of its own")


def _ids_differ(fleet: Fleet) -> Iterator[Finding]:
    """Ids of groups and registrations are case-insensitive (DPS service API 2021-10-01)."""
    for part in ("groups", "enrollments"):
        there = [path for path, _ in provisionings_on(fleet, "azure") if path[0] == part]
        yield from differ_only_in_case(there, "DPS")


def _devices_differ(fleet: Fleet) -> Iterator[Finding]:
    """Two enrollments of one device id would take the hub's device from each other."""
    entries = [
        (_device_id_path(key, enrollment.device_id), enrollment.device_id or key)
        for key, enrollment in fleet.enrollments.items()
        if "azure" in enrollment.clouds
    ]
    yield from taken(entries, "device id", "choose another deviceId")
    for path, device_id in entries:
        if device_id in fleet.devices:
            wrong = f"device {named(device_id)} stands in `devices` already"
            yield Finding(path, wrong, "provision it, or name it there, not both", at_key=len(path) == 2)


def _device_id_path(key: str, device_id: str | None) -> Path:
    return ("enrollments", key) if device_id is None else ("enrollments", key, "deviceId")


def _certificates_differ(fleet: Fleet) -> Iterator[Finding]:
    """DPS refuses a client certificate that another enrollment has."""
    entries: list[tuple[Path, str]] = []
    for key, enrollment in fleet.enrollments.items():
        if isinstance(enrollment.attestation, ClientCertificate):
            path: Path = ("enrollments", key, "attestation", "x509")
            entries.append(((*path, "certificate"), enrollment.attestation.certificate))
            if enrollment.attestation.secondary is not None:
                entries.append(((*path, "secondary"), enrollment.attestation.secondary))
    yield from taken(entries, "the certificate", "a device needs a certificate of its own")


def _endorsement_keys_are_some(fleet: Fleet) -> Iterator[Finding]:
    entries = []
    for key, enrollment in fleet.enrollments.items():
        if isinstance(enrollment.attestation, Tpm):
            path: Path = ("enrollments", key, "attestation", "tpm", "endorsementKey")
            entries.append((path, enrollment.attestation.endorsement_key))
            yield from _no_endorsement_key(path, enrollment.attestation.endorsement_key)
    yield from taken(entries, "the endorsement key", "every TPM has a key of its own: read this device's")


def _no_endorsement_key(path: Path, text: str) -> Iterator[Finding]:
    """The public area as the TPM gives it, TPM2B_PUBLIC: two bytes of length, then two of the key's type."""
    right = "the public area (TPM2B_PUBLIC) of the endorsement key in base64, as the device's tool prints it"
    try:
        public = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        yield Finding(path, "this is no base64", f"should be {right}")
        return
    if int.from_bytes(public[:2], "big") != len(public) - 2 or public[2:4] not in _TPM_KEY_TYPES:
        yield Finding(path, "this is no endorsement key of a TPM 2.0", f"should be {right}")


def _symmetric_key_groups_are_few(fleet: Fleet) -> Iterator[Finding]:
    keyed = [key for key, group in fleet.groups.items() if isinstance(group.attestation, SymmetricKey)]
    for key in keyed[_SYMMETRIC_KEY_GROUPS_MOST:]:
        wrong = f"more than {_SYMMETRIC_KEY_GROUPS_MOST} groups attested by symmetric key"
        yield Finding(
            ("groups", key, "attestation"), wrong, "DPS takes no more: put devices into fewer groups"
        )


def _manifests_are_files_of_their_own(fleet: Fleet) -> Iterator[Finding]:
    right = "a manifest needs a file of its own: DPS has one enrollment an id"
    for name, manifest in fleet.manifests.items():
        path: Path = ("manifests", name, "file")
        if PurePosixPath(manifest.file).suffix.lower() not in _MANIFEST_ENDINGS:
            endings = f"should end in {' or '.join(_MANIFEST_ENDINGS)}"
            yield Finding(path, f"{shown(manifest.file)} is no manifest by its name", endings)
    found = [*_shared_files(fleet, "azure", right), *_shared_files(fleet, "aws", "an id is one thing")]
    yield from {finding.path: finding for finding in reversed(found)}.values()


def _shared_files(fleet: Fleet, cloud: Cloud, right: str) -> Iterator[Finding]:
    there = [(name, each) for name, each in fleet.manifests.items() if cloud in each.clouds]
    yield from taken([(("manifests", name, "file"), each.file) for name, each in there], "the file", right)


CHECKS: tuple[Check, ...] = (
    _somebody_is_there,
    _issuers_exist,
    _one_group_an_issuer,
    _ids_differ,
    _devices_differ,
    _certificates_differ,
    _endorsement_keys_are_some,
    _symmetric_key_groups_are_few,
    _manifests_are_files_of_their_own,
)
