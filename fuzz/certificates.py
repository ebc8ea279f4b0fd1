"""Targets: certificates in PEM and DER, requests, revocation lists, an authority's record."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs import assemble, csr, intermediates, issue, paths, preflight, reading, revoked
from certs import record as records
from certs.errors import CertsError
from certs.intermediates import Choices
from certs.preflight import Presented
from certs.signers.file import FileSigner

NOW = datetime.now(UTC)
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


@lru_cache
def _authority() -> tuple[FileSigner, list[x509.Certificate]]:
    """A signer, and a leaf, an issuer and a root of its key: what sound input looks like."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = FileSigner(key)
    root = assemble.self_signed(intermediates.root_order("fleet", "root", signer.public_key(), 99), signer)
    wanted = intermediates.wanted(["oslo"], Choices())[0]
    issuer = assemble.issued(wanted.order("fleet", signer.public_key(), 50), signer, root)
    leaf = issue.issue_leaf(signer, issuer, "unit-1", signer.public_key(), 9)
    return signer, [leaf, issuer, root]


def pem(data: bytes) -> None:
    """A file of certificates."""
    _certificates(data)


def der(data: bytes) -> None:
    """A certificate in DER, whatever the bytes begin with."""
    _certificates(data.replace(b"-----BEGIN", b"-----begin"))


def _certificates(data: bytes) -> None:
    try:
        found = reading.parse_certificates(data, "fuzz")
    except CertsError:
        return
    _, (leaf, issuer, root) = _authority()
    for path in (found, [*found, issuer, root], [leaf, *found]):
        list(paths.faults(paths.path_of(path[0], path[1:-1], path[-1]), NOW))
    for service in preflight.SERVICES:
        preflight.view(service, Presented(found, [root]))
    for each in found:
        records.describe(each)


def pem_seeds() -> Iterable[bytes]:
    """Single certificates, and a chain."""
    _, chain = _authority()
    texts = [each.public_bytes(PEM) for each in chain]
    return [*texts, b"".join(texts)]


def der_seeds() -> Iterable[bytes]:
    """Certificates of each kind."""
    return [each.public_bytes(DER) for each in _authority()[1]]


def request(data: bytes) -> None:
    """A request, and what would be issued from it."""
    signer, (_, issuer, _) = _authority()
    try:
        issue.issue_from_request(signer, issuer, csr.parse(data, "fuzz"), "unit-1", 9)
    except CertsError:
        return


def request_seeds() -> Iterable[bytes]:
    """A sound request, and one that wants too much."""
    made = csr.make(_authority()[0], assemble.subject("unit-1"))
    builder = x509.CertificateSigningRequestBuilder().subject_name(assemble.subject("unit-1"))
    greedy = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()
    )
    return [each.public_bytes(form) for each in (made, greedy) for form in (DER, PEM)]


def revocation(data: bytes) -> None:
    """A revocation list, and what it says of a path."""
    _, (leaf, issuer, root) = _authority()
    try:
        found = revoked.parse(data, "fuzz")
    except CertsError:
        return
    list(revoked.faults(paths.path_of(leaf, [issuer], root), [found], NOW))


def revocation_seeds() -> Iterable[bytes]:
    """A list with an entry, of a part."""
    _, (leaf, issuer, _) = _authority()
    entry = x509.RevokedCertificateBuilder().serial_number(leaf.serial_number).revocation_date(NOW)
    entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(NOW - timedelta(days=1))
        .next_update(NOW + timedelta(days=30))
        .add_revoked_certificate(entry.build())
    )
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return [made.public_bytes(DER), made.public_bytes(PEM)]


def record(data: bytes) -> None:
    """An authority's record, as somebody might hand it over."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / records.RECORD).write_bytes(data)
        try:
            records.mend(path, records.read(path))
        except CertsError:
            return


def record_seeds() -> Iterable[bytes]:
    """The record of a root and an issuer."""
    _, (_, issuer, root) = _authority()
    entries = [
        records.Entry("root", "root", "root", root),
        records.Entry("oslo", "issuer", "root", issuer),
    ]
    with tempfile.TemporaryDirectory() as folder:
        records.write(Path(folder), records.new("fleet", entries, NOW))
        return [(Path(folder) / records.RECORD).read_bytes()]
