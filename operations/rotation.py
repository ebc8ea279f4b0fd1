"""Which devices still use a certificate of the intermediate that goes. Read-only.

A hub says the thumbprint of the certificate that a device came with, not who issued it; `Certificates` knows
that of what we issued. What it does not know is told as unknown, never counted as renewed.

Rolling with an overlap: the new intermediate as the group's secondary certificate, renew, swap, remove
(MicrosoftDocs/azure-docs, articles/iot-dps/how-to-roll-certificates.md, "Enrollment groups and certificate
expiration"). A device that renewed must register again before its hub knows the new thumbprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from certs.reading import fingerprint
from certs.store import key_id
from operations.actions.seen import is_off, thumbprints
from operations.certificates import Certificates, IssuedCertificate
from operations.cloud import Cloud, Document
from operations.errors import RequestError

OLD: Final = "old"
NEW: Final = "new"
OTHER: Final = "other"
UNKNOWN: Final = "unknown"
ABSENT: Final = "absent"
DISABLED: Final = "disabled"
KINDS = {
    OLD: "uses a certificate of the old intermediate",
    UNKNOWN: "uses a certificate that is not among those given, or none that the hub knows",
    NEW: "uses a certificate of the new intermediate",
    OTHER: "uses a certificate of another issuer of the fleet",
    DISABLED: "is disabled, so it needs no certificate",
    ABSENT: "is registered, but not in the hub that it was registered in",
}
"""Where a device stands, and what that means. Only the first two are left to do."""
LEFT = (OLD, UNKNOWN)


@dataclass(frozen=True)
class Rotation:
    """The issuer that goes and the one that comes, by their keys; `other` are the fleet's further issuers."""

    old: x509.Certificate
    new: x509.Certificate | None = None

    @property
    def old_key(self) -> str:
        """The key of the issuer that goes."""
        return key_id(self.old.public_key())

    @property
    def new_key(self) -> str:
        """The key of the issuer that comes; "" when the group has no second certificate yet."""
        return "" if self.new is None else key_id(self.new.public_key())


@dataclass(frozen=True, slots=True)
class Standing:
    """One device of the group: where it stands, and the end of its certificate, if that is known."""

    registration_id: str
    hub: str
    kind: str
    not_after: str = ""


@dataclass(frozen=True)
class Report:
    """All devices of a group."""

    group: str
    standings: tuple[Standing, ...]

    def count(self, *kinds: str) -> int:
        """How many devices are of these kinds."""
        return sum(standing.kind in kinds for standing in self.standings)

    @property
    def left(self) -> int:
        """How many devices must not lose the old intermediate yet."""
        return self.count(*LEFT)

    @property
    def percent(self) -> float:
        """How much is done; 100 only when nothing is left."""
        total = len(self.standings)
        return 100.0 if not self.left else min(99.9, 100 * (total - self.left) / total)


def rotation_of(
    group: Document, issuers: Mapping[str, x509.Certificate], old: x509.Certificate | None
) -> Rotation:
    """Which issuer of a group goes: the one that is named, or of its two the one issued first.

    Raises RequestError when that cannot be told.
    """
    name = group.get("enrollmentGroupId")
    found = list(_signing(group, issuers))
    if old is None:
        if len(found) != 2:
            raise RequestError(
                f"the group {name} has {len(found)} signing certificates that are among the issuers given, "
                "not two: say which intermediate goes (--old), and give both (--issuer)"
            )
        old = min(found, key=lambda one: one.not_valid_before_utc)
    new = next((one for one in found if fingerprint(one) != fingerprint(old)), None)
    if new is not None and key_id(new.public_key()) == key_id(old.public_key()):
        raise RequestError(
            f"both signing certificates of the group {name} are of one key: every device's certificate fits "
            "both, so no device has to change"
        )
    return Rotation(old, new)


def report(cloud: Cloud, group: Document, rotation: Rotation, certificates: Certificates) -> Report:
    """Where the devices of a group stand; one pass over its registrations, one over each of their hubs."""
    group_id = str(group.get("enrollmentGroupId"))
    registered = _by_hub(cloud.registrations(group_id))
    standings = [
        standing
        for hub in sorted(registered)
        for standing in _standings(hub, registered[hub], cloud.twins(hub), rotation, certificates)
    ]
    return Report(group_id, tuple(sorted(standings, key=lambda one: one.registration_id)))


def kind_of(twin: Document, rotation: Rotation, own: Sequence[IssuedCertificate]) -> tuple[str, str]:
    """Where a device stands by its twin and its own certificates; the end of the one that decides. Pure.

    A device may have two certificates: one of the old intermediate counts first, then one that is unknown.
    """
    if is_off(twin):
        return DISABLED, ""
    known = {thumbprint: each for each in own for thumbprint in each.thumbprints}
    found = [known.get(thumbprint) for thumbprint in thumbprints(twin)]
    kinds = [(_kind(certificate, rotation), _end(certificate)) for certificate in found]
    order = (OLD, UNKNOWN, OTHER, NEW)
    return min(kinds, key=lambda each: order.index(each[0]), default=(UNKNOWN, ""))


def _kind(certificate: IssuedCertificate | None, rotation: Rotation) -> str:
    if certificate is None:
        return UNKNOWN
    kinds = {rotation.old_key: OLD, rotation.new_key: NEW}
    return kinds.get(certificate.issuer_key, OTHER)


def _end(certificate: IssuedCertificate | None) -> str:
    return "" if certificate is None else certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signing(group: Document, issuers: Mapping[str, x509.Certificate]) -> Iterator[x509.Certificate]:
    """The group's signing certificates, as far as they are among ours: the service tells thumbprints only."""
    entries = ((group.get("attestation") or {}).get("x509") or {}).get("signingCertificates") or {}
    known = {fingerprint(certificate).upper(): certificate for certificate in issuers.values()}
    for slot in ("primary", "secondary"):
        info = (entries.get(slot) or {}).get("info") or {}
        certificate = known.get(str(info.get("sha256Thumbprint") or "").upper())
        if certificate is not None:
            yield certificate


def _by_hub(registrations: Iterable[Document]) -> dict[str, dict[str, str]]:
    """Registration ids by hub and device id."""
    found: dict[str, dict[str, str]] = {}
    for registration in registrations:
        hub = str(registration.get("assignedHub") or "").lower()
        name = str(registration.get("registrationId"))
        if hub:
            found.setdefault(hub, {})[str(registration.get("deviceId") or name)] = name
    return found


def _standings(
    hub: str,
    wanted: dict[str, str],
    twins: Iterable[Document],
    rotation: Rotation,
    certificates: Certificates,
) -> Iterator[Standing]:
    missing = dict(wanted)
    for twin in twins:
        name = missing.pop(str(twin.get("deviceId")), None)
        if name is not None:
            kind, end = kind_of(twin, rotation, certificates.of_device(name))
            yield Standing(name, hub, kind, end)
    for name in missing.values():
        yield Standing(name, hub, ABSENT)
