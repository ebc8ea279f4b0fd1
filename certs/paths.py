"""Path validation (RFC 5280 section 6): every fault of every certificate from a leaf up to its root. No IO.

What is judged: time, kind, path length, key usage, extended key usage (nested, as OpenSSL judges it), name
constraints, critical extensions that nobody here knows, broken hashes, weak keys, signatures. Where all of it
is fine and the library's own validation can judge the path, that has the last word; it knows no Ed25519, no
ML-DSA and no name constraints on directory names.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification

from certs import checks, constraints, profiles
from certs.errors import ChainFault
from certs.names import ROOT
from certs.profiles import Profile

Path = Sequence[tuple[str, x509.Certificate]]
"""From the leaf to the root, each with its name in messages."""


def path_of(leaf: x509.Certificate, between: Sequence[x509.Certificate], root: x509.Certificate) -> Path:
    """The path with its names; `between` in order, from the one that issued the leaf to the root's child."""
    names = ["issuer"] if len(between) == 1 else [f"issuer {at}" for at in range(1, len(between) + 1)]
    return [("leaf", leaf), *zip(names, between, strict=True), (ROOT, root)]


def faults(path: Path, at: datetime, profile: Profile = profiles.DEVICE) -> Iterator[ChainFault]:
    """All that is wrong with a path whose leaf should be of this kind."""
    found = [*_own(path, at, profile)]
    if not found and _library_can_judge([certificate for _, certificate in path]):
        found = [*_library_faults(path, at)]
    yield from found


def _own(path: Path, at: datetime, profile: Profile) -> Iterator[ChainFault]:
    yield from root_faults(path[-1][1], at)
    below_leaf = int(profile.ca)
    for below, (which, certificate) in reversed(list(enumerate(path[1:-1]))):
        yield from checks.authority_faults(certificate, which, below + below_leaf)
        yield from checks.nesting_faults(certificate, which, profile.extended_key_usage)
        yield from checks.time_faults(certificate, which, at)
        yield from checks.critical_faults(certificate, which)
    which, leaf = path[0]
    yield from checks.end_faults(leaf, which, profile)
    yield from checks.time_faults(leaf, which, at)
    yield from checks.critical_faults(leaf, which)
    yield from _names(path)
    for (which, certificate), (above, issuer) in itertools.pairwise(path):
        yield from checks.strength_faults(certificate, which)
        yield from checks.signature_faults(certificate, which, issuer, above)


def root_faults(certificate: x509.Certificate, at: datetime) -> Iterator[ChainFault]:
    """A root that is no authority, that is not valid now, or that did not sign itself."""
    yield from checks.authority_faults(certificate, ROOT, below=0)
    yield from checks.time_faults(certificate, ROOT, at)
    yield from checks.signature_faults(certificate, ROOT, certificate, "itself")


def _names(path: Path) -> Iterator[ChainFault]:
    """Constraints bind every certificate below, and not only the next (section 6.1.3 b)."""
    for position, (above, issuer) in enumerate(path):
        for which, certificate in path[:position]:
            yield from constraints.certificate_faults(certificate, which, issuer, above)


def _library_can_judge(path: Sequence[x509.Certificate]) -> bool:
    web = (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
    return all(
        isinstance(each.public_key(), web) and checks.extension(each, x509.NameConstraints) is None
        for each in path
    )


def _library_faults(path: Path, at: datetime) -> Iterator[ChainFault]:
    leaf, *between, root = (certificate for _, certificate in path)
    anything = verification.ExtensionPolicy.permit_all()
    authority = anything.require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([root]))
        .time(at)
        .extension_policies(ca_policy=authority, ee_policy=anything)
        .build_client_verifier()
    )
    if profiles.DEVICE.extended_key_usage[0] not in (checks.extension(leaf, x509.ExtendedKeyUsage) or ()):
        return  # it only verifies clients, and servers by a name
    try:
        verifier.verify(leaf, between)
    except verification.VerificationError as error:
        yield ChainFault(path[0][0], f"path validation failed: {error}", "see RFC 5280 section 6")
