"""Put a certificate together: the body by `cryptography`'s builder, the signature by a signer.

The builder only signs with a key that it holds. So it makes a reference certificate with a throwaway key of
the signer's algorithm; the reference's TBS (RFC 5280 section 4.1.2), which names that algorithm, is then
signed by the signer and takes the reference's signature's place. What comes out is parsed and verified before
anybody gets it.

The steps are public, for whoever issues many at once and needs the same bytes (`certs.bulk`): `check`
refuses, `life` says from when to when, `reference` builds the TBS (the same arguments give the same bytes),
`signed` adds the signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from certs import checks, constraints, signature
from certs.errors import IssueError, SignerError
from certs.keys import PublicKey, algorithm_of, throwaway
from certs.profiles import Profile
from certs.signers import Signer

BACKDATE_MINUTES = 5
"""A certificate begins this long ago, so that a device whose clock is a little late can use it at once."""

MAX_DAYS = 36525
"""A century."""


@dataclass(frozen=True)
class Order:
    """What a certificate should say: its kind, subject, public key, and life in days (counted from now).

    `hosts` become its subject alternative names; `more` are extensions of this certificate alone, such as
    name constraints, each with its criticality. `of_serial` gives one that depends on the serial number: the
    address of the revocation list that covers it.
    """

    profile: Profile
    subject: x509.Name
    public_key: PublicKey
    days: int
    hosts: tuple[x509.GeneralName, ...] = ()
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    of_serial: Callable[[int], tuple[x509.ExtensionType, bool]] | None = None


def self_signed(order: Order, signer: Signer, now: datetime | None = None) -> x509.Certificate:
    """A root: signed by its own key, which the signer holds."""
    if order.public_key != signer.public_key():
        raise SignerError("a root is signed by its own key; the signer holds another one")
    return _assembled(order, signer, None, now or datetime.now(UTC))


def issued(
    order: Order, signer: Signer, issuer: x509.Certificate, now: datetime | None = None
) -> x509.Certificate:
    """A certificate under `issuer`, whose key the signer holds. Raises what `check` does."""
    moment = now or datetime.now(UTC)
    check(order, signer, issuer, moment)
    return _assembled(order, signer, issuer, moment)


def check(order: Order, signer: Signer, issuer: x509.Certificate, now: datetime) -> None:
    """Refuse what may not be issued under `issuer` now.

    Raises SignerError when the signer does not fit the issuer; IssueError, naming every reason, when the
    issuer may not sign this, or would end before the certificate: an issuer is never outlived, and never
    silently shortened to.
    """
    if issuer.public_key() != signer.public_key():
        raise SignerError(f"the signer does not hold the key of {issuer.subject.rfc4514_string()!r}")
    faults = [*checks.authority_faults(issuer, "issuer", below=_depth(order.profile))]
    faults += checks.time_faults(issuer, "issuer", now)
    faults += checks.nesting_faults(issuer, "issuer", order.profile.extended_key_usage)
    constrained = checks.extension(issuer, x509.NameConstraints)
    if constrained is not None:
        faults += constraints.faults(order.subject, order.hosts, constrained, order.profile.title, "issuer")
    if faults:
        raise IssueError("\n".join(str(fault) for fault in faults))
    if order.profile.hosts and not order.hosts:
        raise IssueError(f"a {order.profile.title} needs the name of at least one host")
    _refuse_outliving(order, issuer, now)


def life(order: Order, issuer: x509.Certificate | None, now: datetime) -> tuple[datetime, datetime]:
    """From when to when the certificate is valid: from a little ago, but never before its issuer."""
    begin = now - timedelta(minutes=BACKDATE_MINUTES)
    if issuer is not None:
        begin = max(begin, issuer.not_valid_before_utc)
    return begin, now + timedelta(days=order.days)


def reference(
    order: Order,
    signing: PublicKey,
    issuer: x509.Certificate | None,
    serial: int,
    valid: tuple[datetime, datetime],
) -> x509.Certificate:
    """The certificate with everything but its signature: that is by a throwaway key of `signing`'s kind.

    Its TBS depends on the arguments alone. `issuer` is None for a root.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(order.subject)
        .issuer_name(issuer.subject if issuer is not None else order.subject)
        .public_key(order.public_key)
        .serial_number(serial)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(order.public_key), critical=False)
        .add_extension(_authority_key(issuer, signing), critical=False)
    )
    fixed = order.profile.extensions(algorithm_of(order.public_key))
    names = [(x509.SubjectAlternativeName(order.hosts), False)] if order.hosts else []
    of_serial = [order.of_serial(serial)] if order.of_serial else []
    for extension, critical in (*fixed, *names, *order.more, *of_serial):
        builder = builder.add_extension(extension, critical)
    algorithm = algorithm_of(signing)
    return builder.sign(throwaway(algorithm.name), algorithm.hash)  # type: ignore[arg-type]  # any kind of key


def signed(
    unsigned: x509.Certificate, signer: Signer, issuer: x509.Certificate | None = None
) -> x509.Certificate:
    """The reference with the signer's signature; raises SignerError when that does not verify."""
    own = signer.sign(unsigned.tbs_certificate_bytes)
    der = signature.replaced(unsigned.public_bytes(serialization.Encoding.DER), own)
    certificate = x509.load_der_x509_certificate(der)
    _verify(certificate, unsigned, issuer or certificate)
    return certificate


def subject(common_name: str, organization: Sequence[x509.NameAttribute[str | bytes]] = ()) -> x509.Name:
    """A subject: the fleet as organization (when given), then the common name."""
    return x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def organization_of(issuer: x509.Certificate) -> Sequence[x509.NameAttribute[str | bytes]]:
    """The organization of an issuer, which is the fleet: at most one attribute."""
    return issuer.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[:1]


def _depth(profile: Profile) -> int:
    """How many authorities stand below the issuer when this is issued and used to its full length."""
    return profile.ca + (profile.path_length or 0) if profile.ca else 0


def _refuse_outliving(order: Order, issuer: x509.Certificate, now: datetime) -> None:
    left = (issuer.not_valid_after_utc - now).days
    if order.days > left:
        raise IssueError(
            f"{order.days} days asked for, but the issuer {issuer.subject.rfc4514_string()!r} ends in "
            f"{left}: ask for at most {left}, or renew the issuer"
        )


def _assembled(
    order: Order, signer: Signer, issuer: x509.Certificate | None, now: datetime
) -> x509.Certificate:
    if not 1 <= order.days <= MAX_DAYS:
        raise IssueError(f"{order.days} days: a certificate lives 1 to {MAX_DAYS} days")
    serial = x509.random_serial_number()  # 159 random bits
    unsigned = reference(order, signer.public_key(), issuer, serial, life(order, issuer, now))
    return signed(unsigned, signer, issuer)


def _authority_key(issuer: x509.Certificate | None, signing: PublicKey) -> x509.AuthorityKeyIdentifier:
    """The issuer's own key identifier, which need not be a hash of its key (RFC 5280 section 4.2.1.2)."""
    own = checks.extension(issuer, x509.SubjectKeyIdentifier) if issuer is not None else None
    if own is not None:
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signing)


def _verify(certificate: x509.Certificate, unsigned: x509.Certificate, issuer: x509.Certificate) -> None:
    """Hand nothing out that does not verify, whatever the signer did."""
    if certificate.tbs_certificate_bytes != unsigned.tbs_certificate_bytes:
        raise SignerError("the assembled certificate differs from its reference")
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise SignerError("the signer's signature does not verify; nothing was issued") from error
