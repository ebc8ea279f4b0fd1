"""Issue a certificate for a device, gateway or server, and keep it with its key for the device to take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import assemble, clouds, csr, durable, names, profiles
from certs.clouds import Cloud
from certs.keys import DEFAULT, Algorithm, PrivateKey, PublicKey, algorithm_of, supported_public
from certs.profiles import Profile
from certs.reading import pem
from certs.signers import Signer

Point: TypeAlias = Callable[[int], tuple[x509.ExtensionType, bool]]
LEAF_FILE, KEY_FILE = "leaf.pem", "key.pem"
_EDGE_CA = "edge CA"


@dataclass(frozen=True)
class DeviceIdentity:
    """A device's certificate, the issuer's, and the device's private key (which no repr shows)."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    key: PrivateKey = field(repr=False)

    def write(self, directory: Path, enter: Callable[[], object] | None = None) -> None:
        """Make `directory` (mode 0700) with leaf.pem (leaf, issuer) and key.pem (mode 0600), or nothing.

        `enter` is called when all is written, before it appears: it puts the certificate on record.

        The key is not encrypted, because the device must start with nobody there to type a passphrase: move
        it to the device, and keep no copy. Raises ExistsError when the directory is there and not empty,
        StorageError.
        """
        with durable.new_directory(directory, durable.PRIVATE_DIRECTORY, "a device's identity") as scratch:
            durable.write(scratch / KEY_FILE, _clear(self.key), durable.PRIVATE_FILE)
            durable.write(scratch / LEAF_FILE, chain_text(self.certificate, self.issuer), durable.PUBLIC_FILE)
            if enter is not None:
                enter()


@dataclass(frozen=True)
class Terms:
    """On which terms to issue: the kind of certificate, the hosts named in it, the clouds it is for.

    `point` gives the address of the revocation list that covers a serial number (`certs.life.revocation`).
    """

    profile: Profile = profiles.DEVICE
    hosts: tuple[x509.GeneralName, ...] = ()
    clouds: tuple[Cloud, ...] = clouds.NONE
    point: Point | None = None


DEVICE = Terms()


def chain_text(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """The certificate and its issuer's, as a TLS client sends them (RFC 8446 section 4.4.2)."""
    return (pem(certificate) + pem(issuer)).encode("ascii")


def new_key(algorithm: Algorithm = DEFAULT) -> PrivateKey:
    """A new private key."""
    return algorithm.generate()


def order(
    issuer_certificate: x509.Certificate,
    registration_id: str,
    public_key: PublicKey,
    days: int | None = None,
    terms: Terms = DEVICE,
) -> assemble.Order:
    """What a certificate of this kind for this name says; raises InvalidNameError, UnsupportedKeyError.

    Its common name is the registration id (for a gateway's own authority with `edge CA` behind it, so that no
    server below it bears the same name), its organization the issuer's, its life the profile's if no other.
    """
    profile = terms.profile
    names.check("registration id", registration_id)
    title = names.common_name(registration_id, _EDGE_CA) if profile.ca else registration_id
    names.check_length(title)
    subject = assemble.subject(title, assemble.organization_of(issuer_certificate))
    life = profile.days if days is None else days
    return assemble.Order(
        profile, subject, supported_public(public_key), life, terms.hosts, of_serial=terms.point
    )


def issue_leaf(
    signer: Signer,
    issuer_certificate: x509.Certificate,
    registration_id: str,
    public_key: PublicKey,
    days: int | None = None,
    terms: Terms = DEVICE,
    now: datetime | None = None,
) -> x509.Certificate:
    """A certificate for a key: `order` says what stands in it.

    Raises InvalidNameError, UnsupportedKeyError (the device's key), SignerError (the signer is not the
    issuer's), CloudError (a cloud it is for would refuse it), IssueError (the issuer is no CA, expired, may
    not issue this, or ends before `days` have passed).
    """
    made = order(issuer_certificate, registration_id, public_key, days, terms)
    signing = algorithm_of(issuer_certificate.public_key())
    clouds.check(terms.clouds, algorithm_of(made.public_key), signing, terms.profile, registration_id)
    return assemble.issued(made, signer, issuer_certificate, now)


def issue_device(
    signer: Signer,
    issuer_certificate: x509.Certificate,
    registration_id: str,
    days: int | None = None,
    algorithm: Algorithm = DEFAULT,
    terms: Terms = DEVICE,
) -> DeviceIdentity:
    """A new key and a certificate for it; nothing is written. Raises what `issue_leaf` does."""
    key = new_key(algorithm)
    leaf = issue_leaf(signer, issuer_certificate, registration_id, key.public_key(), days, terms)
    return DeviceIdentity(leaf, issuer_certificate, key)


def issue_from_request(
    signer: Signer,
    issuer_certificate: x509.Certificate,
    request: x509.CertificateSigningRequest,
    registration_id: str | None = None,
    days: int | None = None,
    terms: Terms = DEVICE,
) -> x509.Certificate:
    """A certificate for the key of a request; what stands in it is decided here, never by the request.

    Raises RequestError with every fault of the request, and what `issue_leaf` does.
    """
    name, key = csr.check(request, registration_id, terms.profile)
    return issue_leaf(signer, issuer_certificate, name, key, days, terms)


def _clear(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
