"""Certificate revocation lists, in partitions, so that one revocation stays quick at a million entries.

A builder's time grows faster than the list (measured: 4,000 entries 38 ms, 8,000 113 ms), so an issuer's
serials are split over `Partitions.count` lists, each with an address of its own: the leaf names it (CRL
distribution point), and the list repeats it (issuing distribution point, RFC 5280 section 5.2.5), so a list
is never taken for another. To revoke is to write one partition anew: its entries are those of the file that
is there. `Publisher.publish` writes them all from the inventory: do it before `next_update` passes, and after
a restore.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import checks, durable, revoked, signature
from certs.errors import IssueError, SignerError, UnreadableError
from certs.keys import algorithm_of, supported_public, throwaway
from certs.life.inventory import Held, Inventory
from certs.signers import Signer

LIST_DAYS = 7
"""How long a list is good for: verifiers refuse an older one, so publish again well before."""

REASONS = {
    reason.value: reason
    for reason in x509.ReasonFlags
    if reason not in {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}
}
"""RFC 5280 section 5.3.1; no reason is better than `unspecified`, and a list of ours never un-revokes."""


_CODES = ("", *REASONS)
_PACKED = struct.Struct(">20sqB")


@dataclass(frozen=True)
class Partitions:
    """Where an issuer's lists are: `{base_url}/{number}.crl`. Some 1,000 certificates a list are quick."""

    base_url: str
    count: int

    def of(self, serial: int) -> int:
        """The partition of a serial number: these are random, so partitions are alike in size."""
        return serial % self.count

    def file(self, number: int) -> str:
        """The file of a partition."""
        return f"{number:05d}.crl"

    def url(self, number: int) -> x509.UniformResourceIdentifier:
        """The address of a partition."""
        return x509.UniformResourceIdentifier(f"{self.base_url.rstrip('/')}/{self.file(number)}")

    def point(self, serial: int) -> tuple[x509.ExtensionType, bool]:
        """The extension for a certificate of this serial: where its list is (not critical)."""
        place = x509.DistributionPoint([self.url(self.of(serial))], None, None, None)
        return x509.CRLDistributionPoints([place]), False


@dataclass(frozen=True)
class Revoked:
    """One entry of a list."""

    serial: int
    at: datetime
    reason: str

    def pack(self) -> bytes:
        """Itself in 29 bytes, of which a million fit into memory."""
        code = _CODES.index(self.reason) if self.reason in REASONS else 0
        return _PACKED.pack(self.serial.to_bytes(20, "big"), int(self.at.timestamp()), code)

    @classmethod
    def unpack(cls, packed: bytes | bytearray) -> Iterator[Revoked]:
        """Entries that were packed, one after another."""
        for serial, at, code in _PACKED.iter_unpack(packed):
            yield cls(int.from_bytes(serial, "big"), datetime.fromtimestamp(at, UTC), _CODES[code])


class Publisher:
    """Writes an issuer's lists into a directory, which a web server hands out."""

    def __init__(
        self, directory: Path, issuer: x509.Certificate, signer: Signer, partitions: Partitions
    ) -> None:
        if issuer.public_key() != signer.public_key():
            raise SignerError(
                f"the signer does not hold the key of {issuer.subject.rfc4514_string()!r}, whose lists these "
                "are"
            )
        usage = checks.extension(issuer, x509.KeyUsage)
        if usage is not None and not usage.crl_sign:
            raise IssueError(
                f"{issuer.subject.rfc4514_string()!r} may not sign lists: it lacks key usage cRLSign"
            )
        self._directory = directory
        self._issuer = issuer
        self._signer = signer
        self._partitions = partitions

    def revoke(
        self, inventory: Inventory, serial: int, reason: str, now: datetime | None = None
    ) -> tuple[Held, Path]:
        """Revoke one certificate: in the inventory, then in its list. Once more mends the list, if need be.

        Raises InventoryError when it is unknown, IssueError for a reason that is none, UnreadableError for a
        list that is damaged (`publish` writes it anew), StorageError, SignerError.
        """
        if reason not in REASONS:
            raise IssueError(f"{reason!r} is no reason to revoke; it must be one of {', '.join(REASONS)}")
        name = self._issuer.subject.rfc4514_string()
        held = inventory.by_serial(serial, name)
        if held.fate != "revoked":
            held = inventory.revoke(serial, name, reason, now)
        assert held.since is not None, "whatever is revoked was so at a time"
        number = self._partitions.of(serial)
        known = {entry.serial: entry for entry in self._entries(number)}
        known[serial] = Revoked(serial, held.since, held.detail)
        return held, self._write(number, known.values(), now)

    def publish(self, inventory: Inventory, now: datetime | None = None) -> int:
        """Write every list from the inventory; gives the number of entries. What has expired is left out."""
        moment = now or datetime.now(UTC)
        packed = [bytearray() for _ in range(self._partitions.count)]
        for held in inventory.held("revoked", self._issuer.subject.rfc4514_string()):
            if held.since is not None and held.issued.not_after >= moment:
                entry = Revoked(held.issued.serial, held.since, held.detail)
                packed[self._partitions.of(entry.serial)] += entry.pack()
        for number, found in enumerate(packed):
            self._write(number, Revoked.unpack(found), moment)
        return sum(len(found) for found in packed) // _PACKED.size

    def _entries(self, number: int) -> Iterator[Revoked]:
        path = self._directory / self._partitions.file(number)
        for each in revoked.load(path) if path.exists() else ():
            yield Revoked(each.serial_number, each.revocation_date_utc, _reason(each))

    def _last_number(self, path: Path) -> int:
        """The number of the list that is there; 0 when there is none to be read."""
        try:
            return _number(revoked.load(path))
        except UnreadableError:
            return 0

    def _write(self, number: int, entries: Iterable[Revoked], now: datetime | None) -> Path:
        exact = now or datetime.now(UTC)
        moment = exact.replace(microsecond=0)
        path = self._directory / self._partitions.file(number)
        # At least the moment, in microseconds, so that numbers rise though the last list be lost.
        rising = max(self._last_number(path) + 1, int(exact.timestamp() * 1_000_000))
        url = self._partitions.url(number)
        made = build(
            self._issuer, self._signer, sorted(entries, key=lambda each: each.serial), moment, rising, url
        )
        durable.make_directory(self._directory, durable.PUBLIC_DIRECTORY)
        durable.write(path, made.public_bytes(serialization.Encoding.DER), durable.PUBLIC_FILE)
        return path


def build(
    issuer: x509.Certificate,
    signer: Signer,
    entries: Sequence[Revoked],
    now: datetime,
    number: int,
    url: x509.UniformResourceIdentifier | None = None,
    days: int = LIST_DAYS,
) -> x509.CertificateRevocationList:
    """One list, signed by the signer; `number` rises from list to list. Raises SignerError."""
    algorithm = algorithm_of(signer.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + timedelta(days=days))
        .add_extension(_key_identifier(issuer), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    if url is not None:
        point = x509.IssuingDistributionPoint([url], None, False, False, None, False, False)
        builder = builder.add_extension(point, critical=True)
    for entry in entries:
        builder = builder.add_revoked_certificate(_entry(entry))
    reference = builder.sign(throwaway(algorithm.name), algorithm.hash)  # type: ignore[arg-type]  # any kind of key
    own = signer.sign(reference.tbs_certlist_bytes)
    whole = x509.load_der_x509_crl(
        signature.replaced(reference.public_bytes(serialization.Encoding.DER), own)
    )
    if not whole.is_signature_valid(supported_public(issuer.public_key())):
        raise SignerError("the signer's signature does not verify; no list was written")
    return whole


def _entry(entry: Revoked) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.at)
    if entry.reason in REASONS:
        builder = builder.add_extension(x509.CRLReason(REASONS[entry.reason]), critical=False)
    return builder.build()


def _key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = checks.extension(issuer, x509.SubjectKeyIdentifier)
    if own is not None:
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(supported_public(issuer.public_key()))


def _number(found: x509.CertificateRevocationList) -> int:
    try:
        return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        return str(entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value)
    except x509.ExtensionNotFound:
        return ""
