"""Which device a certificate is of. A hub knows thumbprints, a CRL serials, and neither says more.

`Certificates` is what the reconciler and the report ask. `PemCertificates` answers from PEM files, as `muster
certs issue` writes them, `operations.inventory` from the inventory of what was issued.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from certs.checks import common_name, extension
from certs.errors import UnreadableError
from certs.reading import parse_certificates
from certs.store import key_id
from operations.errors import CertificatesError

_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_MAX_CERTIFICATE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A device's certificate, as far as it matters here.

    `issuer_key` is the SHA-256 over the issuer's SubjectPublicKeyInfo (`certs.store.key_id`): names and
    certificates of issuers come and go, and a serial means something for one issuer only. Thumbprints are
    upper-case hex over the DER; `sha1` is "" where it is not known.
    """

    registration_id: str
    serial: int
    issuer_key: str
    sha256: str
    sha1: str
    not_after: datetime

    @property
    def thumbprints(self) -> frozenset[str]:
        """What a hub may know it by."""
        return frozenset({self.sha256, self.sha1} - {""})


class Certificates(Protocol):
    """What was issued to devices."""

    def by_serial(self, issuer_key: str, serial: int) -> IssuedCertificate | None:
        """The certificate with this serial of the issuer with this key."""

    def of_device(self, registration_id: str) -> Sequence[IssuedCertificate]:
        """All certificates of a device, whatever the spelling of its id."""


class Together:
    """Several sources as one. A `Certificates`."""

    def __init__(self, sources: Sequence[Certificates]) -> None:
        self._sources = sources

    def by_serial(self, issuer_key: str, serial: int) -> IssuedCertificate | None:
        """From the first source that knows it."""
        found = (source.by_serial(issuer_key, serial) for source in self._sources)
        return next((each for each in found if each is not None), None)

    def of_device(self, registration_id: str) -> Sequence[IssuedCertificate]:
        """From all sources."""
        return [each for source in self._sources for each in source.of_device(registration_id)]


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> IssuedCertificate:
    """What matters of a device's certificate; the common name is the registration id."""
    return IssuedCertificate(
        registration_id=common_name(certificate),
        serial=certificate.serial_number,
        issuer_key=key_id(issuer.public_key()),
        sha256=certificate.fingerprint(hashes.SHA256()).hex().upper(),
        sha1=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - hubs know SHA-1 ones, too
        not_after=certificate.not_valid_after_utc,
    )


class PemCertificates:
    """Certificates in files and folders (.pem, .crt, .cer, .der), read once. A `Certificates`.

    Only what one of `issuers` signed counts, so that a file put among them can frame no device; authorities
    are passed over, private keys are never looked at. `foreign` says how many were of other issuers. Raises
    CertificatesError: one that cannot be read might be the one that is revoked.
    """

    def __init__(self, paths: Iterable[Path], issuers: Sequence[x509.Certificate]) -> None:
        self.foreign = 0
        self._issuers = issuers
        self._by_serial: dict[tuple[str, int], IssuedCertificate] = {}
        self._by_device: dict[str, list[IssuedCertificate]] = {}
        faults: list[str] = []
        for path in paths:
            for file in _files(path, faults):
                self._take(file, faults, alone=file == path)
        if faults:
            raise CertificatesError(faults)

    def __len__(self) -> int:
        return len(self._by_serial)

    def by_serial(self, issuer_key: str, serial: int) -> IssuedCertificate | None:
        """The certificate with this serial."""
        return self._by_serial.get((issuer_key, serial))

    def of_device(self, registration_id: str) -> Sequence[IssuedCertificate]:
        """All certificates of a device."""
        return self._by_device.get(registration_id.lower(), [])

    def _take(self, file: Path, faults: list[str], *, alone: bool) -> None:
        number = 0
        try:
            for data in _certificates(file):
                number += 1
                for certificate in parse_certificates(data, str(file)):
                    self._add(certificate, file, faults)
        except UnreadableError as error:
            faults.append(str(error))
        except OSError as error:
            faults.append(f"{file}: {error.strerror or error}")
        if alone and not number and not faults:
            faults.append(f"{file}: holds no certificate; PEM or DER of devices' certificates would be right")

    def _add(self, certificate: x509.Certificate, file: Path, faults: list[str]) -> None:
        constraints = extension(certificate, x509.BasicConstraints)
        if constraints is not None and constraints.ca:
            return
        issuer = next((one for one in self._issuers if signed_by(certificate, one)), None)
        if issuer is None or not common_name(certificate):
            self.foreign += 1
            return
        found = issued(certificate, issuer)
        first = self._by_serial.setdefault((found.issuer_key, found.serial), found)
        if first.sha256 != found.sha256:
            faults.append(
                f"{file}: serial {found.serial:X} is of {first.registration_id}, too: a serial of an issuer "
                "names one certificate (RFC 5280 section 4.1.2.2), so neither can be told by it"
            )
        self._by_device.setdefault(found.registration_id.lower(), []).append(found)


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and key are those of the certificate's issuer."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _files(path: Path, faults: list[str]) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    elif path.exists():
        yield path
    else:
        faults.append(f"{path}: is not there; a folder or a file with devices' certificates would be right")


def _certificates(file: Path) -> Iterator[bytes]:
    """The certificates of a file, one by one, whatever its size. Other PEM blocks are passed over."""
    with file.open("rb") as stream:
        first = stream.read(1)
        stream.seek(0)
        if first == b"\x30":
            yield stream.read(_MAX_CERTIFICATE_BYTES)
            return
        block: list[bytes] | None = None
        for line in stream:
            stripped = line.strip()
            if stripped == _BEGIN:
                block = []
            if block is not None:
                block.append(line)
            if block is not None and stripped == _END:
                yield b"".join(block)
                block = None
        if block is not None:
            yield b"".join(block)
