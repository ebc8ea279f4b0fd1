"""Public chains: load them, check them, verify a leaf against them. Nothing here touches a private key.

A leaf needs no subject alternative name: a device is known by its common name, which DPS compares with the
registration id, and a second name could only disagree with it. (`cryptography`'s default policy, made for web
servers, insists on one; the policy here does not.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from certs import checks, paths, profiles
from certs.errors import ChainError, ChainFault, UnreadableError
from certs.names import ROOT
from certs.profiles import Profile
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


def load_chain(
    root: Path,
    issuers: Mapping[str, Path],
    at: datetime | None = None,
    profile: Profile | None = profiles.DEVICE,
) -> Chain:
    """Load and check a root and its issuers at a moment (default: now).

    Raises ChainError with every fault of every certificate: unreadable, no CA, expired, not yet valid, not
    signed by the root, two names for one certificate, or an issuer that may not issue `profile` (None: any).
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
            faults += _member_faults(which, loaded, moment, profile)
    faults += _twins(loaded)
    if faults:
        raise ChainError(faults)
    return Chain(loaded.pop(ROOT), loaded)


def verify_leaf(
    leaf: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    root: x509.Certificate,
    at: datetime | None = None,
    profile: Profile = profiles.DEVICE,
) -> None:
    """Verify a certificate of this kind (a device's, if no other is said) up to the root.

    `intermediates` come in order, from the one that issued the leaf up to the root's child.

    Raises ChainError with all faults of every certificate (`certs.path`).
    """
    found = list(paths.faults(paths.path_of(leaf, intermediates, root), at or datetime.now(UTC), profile))
    if found:
        raise ChainError(found)


def _member_faults(
    which: str, loaded: Mapping[str, x509.Certificate], at: datetime, profile: Profile | None
) -> Iterator[ChainFault]:
    if which == ROOT:
        return paths.root_faults(loaded[which], at)
    return _issuer_faults(which, loaded, at, profile)


def _issuer_faults(
    which: str, loaded: Mapping[str, x509.Certificate], at: datetime, profile: Profile | None
) -> Iterator[ChainFault]:
    certificate = loaded[which]
    yield from checks.authority_faults(certificate, which, below=0)
    yield from checks.nesting_faults(certificate, which, profile.extended_key_usage if profile else ())
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
