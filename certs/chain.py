"""Public chains: load them, check them, verify a leaf against them. Nothing here touches a private key.

A leaf needs no subject alternative name: a device is known by its common name, which DPS compares with the
registration id, and a second name could only disagree with it. (`cryptography`'s default policy, made for web
servers, insists on one; the policy here does not.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification

from certs import checks
from certs.errors import ChainError, ChainFault, UnreadableError
from certs.names import ROOT
from certs.reading import fingerprint, load_certificate, load_certificates, parse_certificates, pem

__all__ = [
    "Chain",
    "ChainError",
    "ChainFault",
    "fingerprint",
    "load_certificate",
    "load_certificates",
    "load_chain",
    "parse_certificates",
    "pem",
    "verify_leaf",
]


@dataclass(frozen=True)
class Chain:
    """A checked chain: a root and, by name, the issuers that it signed."""

    root: x509.Certificate
    issuers: dict[str, x509.Certificate]


def load_chain(root: Path, issuers: Mapping[str, Path], at: datetime | None = None) -> Chain:
    """Load and check a root and its issuers at a moment (default: now).

    Raises ChainError with every fault of every certificate: unreadable, no CA, expired, not yet valid, not
    signed by the root, two names for one certificate.
    """
    moment = at or datetime.now(UTC)
    loaded: dict[str, x509.Certificate] = {}
    faults = [ChainFault(ROOT, "an issuer has this name", "choose another for it")] if ROOT in issuers else []
    for which, path in ({ROOT: root} | dict(issuers) | {ROOT: root}).items():
        try:
            loaded[which] = load_certificate(path)
        except UnreadableError as error:
            faults.append(ChainFault(which, f"{error.where}: {error.wrong}", f"expected {error.right}"))
        else:
            faults += _member_faults(which, loaded, moment)
    faults += _twins(loaded)
    if faults:
        raise ChainError(faults)
    return Chain(loaded.pop(ROOT), loaded)


def verify_leaf(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    root: x509.Certificate,
    at: datetime | None = None,
) -> None:
    """Verify a device's certificate up to the root.

    `intermediates` come in order, from the one that issued the leaf up to the root's child.

    Raises ChainError with all faults: of time, kind, purpose, path length and signature, of every
    certificate.
    """
    moment = at or datetime.now(UTC)
    faults = list(_path_faults(leaf, intermediates, root, moment))
    if not faults and _known_to_library([leaf, *intermediates, root]):
        # Ours found nothing: the library's path validation has the last word (RFC 5280 section 6).
        faults = list(_library_faults(leaf, intermediates, root, moment))
    if faults:
        raise ChainError(faults)


def _member_faults(which: str, loaded: Mapping[str, x509.Certificate], at: datetime) -> Iterator[ChainFault]:
    return _root_faults(loaded[which], at) if which == ROOT else _issuer_faults(which, loaded, at)


def _root_faults(certificate: x509.Certificate, at: datetime) -> Iterator[ChainFault]:
    yield from checks.authority_faults(certificate, ROOT, below=0)
    yield from checks.time_faults(certificate, ROOT, at)
    yield from checks.signature_faults(certificate, ROOT, certificate, "itself")


def _issuer_faults(which: str, loaded: Mapping[str, x509.Certificate], at: datetime) -> Iterator[ChainFault]:
    certificate = loaded[which]
    yield from checks.authority_faults(certificate, which, below=0)
    yield from checks.purpose_faults(certificate, which)
    yield from checks.time_faults(certificate, which, at)
    if ROOT in loaded:
        yield from checks.signature_faults(certificate, which, loaded[ROOT], ROOT)


def _twins(loaded: Mapping[str, x509.Certificate]) -> Iterator[ChainFault]:
    seen: dict[str, str] = {}
    for which, certificate in loaded.items():
        first = seen.setdefault(fingerprint(certificate), which)
        if first != which:
            yield ChainFault(
                which, f"the same certificate as {first}", "each name needs a certificate of its own"
            )


def _path_faults(
    leaf: x509.Certificate, intermediates: Sequence[x509.Certificate], root: x509.Certificate, at: datetime
) -> Iterator[ChainFault]:
    yield from _root_faults(root, at)
    path = [("leaf", leaf), *zip(_issuer_names(len(intermediates)), intermediates, strict=True), (ROOT, root)]
    for below, (which, certificate) in reversed(list(enumerate(path[1:-1]))):
        yield from checks.authority_faults(certificate, which, below)
        yield from checks.purpose_faults(certificate, which)
        yield from checks.time_faults(certificate, which, at)
    yield from checks.client_faults(leaf, "leaf")
    yield from checks.time_faults(leaf, "leaf", at)
    for (which, certificate), (above, issuer) in itertools.pairwise(path):
        yield from checks.signature_faults(certificate, which, issuer, above)


def _issuer_names(count: int) -> list[str]:
    return ["issuer"] if count == 1 else [f"issuer {number}" for number in range(1, count + 1)]


def _known_to_library(path: Sequence[x509.Certificate]) -> bool:
    """The library validates paths of the keys that web browsers take: no Ed25519, no ML-DSA."""
    web = (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
    return all(isinstance(certificate.public_key(), web) for certificate in path)


def _library_faults(
    leaf: x509.Certificate, intermediates: Sequence[x509.Certificate], root: x509.Certificate, at: datetime
) -> Iterator[ChainFault]:
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([root]))
        .time(at)
        .extension_policies(
            ca_policy=_authority_policy(), ee_policy=verification.ExtensionPolicy.permit_all()
        )
        .build_client_verifier()
    )
    try:
        verifier.verify(leaf, list(intermediates))
    except verification.VerificationError as error:
        yield ChainFault("leaf", f"path validation failed: {error}", "see RFC 5280 section 6")


def _authority_policy() -> verification.ExtensionPolicy:
    return verification.ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
    )
