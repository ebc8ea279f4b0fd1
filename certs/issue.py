"""Issue a device's certificate, and keep it with its key for the device to take."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs import assemble, durable, names, profiles
from certs.keys import DEFAULT, Algorithm, PrivateKey, PublicKey, supported_public
from certs.reading import pem
from certs.signers import Signer

LEAF_FILE, KEY_FILE = "leaf.pem", "key.pem"


@dataclass(frozen=True)
class DeviceIdentity:
    """A device's certificate, the issuer's, and the device's private key (which no repr shows)."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    key: PrivateKey = field(repr=False)

    def write(self, directory: Path) -> None:
        """Make `directory` (mode 0700) with leaf.pem (leaf, issuer) and key.pem (mode 0600), or nothing.

        The key is not encrypted, because the device must start with nobody there to type a passphrase: move
        it to the device, and keep no copy. Raises ExistsError when the directory is there and not empty,
        StorageError.
        """
        with durable.new_directory(directory, durable.PRIVATE_DIRECTORY, "a device's identity") as scratch:
            durable.write(scratch / KEY_FILE, _clear(self.key), durable.PRIVATE_FILE)
            chain = (pem(self.certificate) + pem(self.issuer)).encode("ascii")
            durable.write(scratch / LEAF_FILE, chain, durable.PUBLIC_FILE)


def new_key(algorithm: Algorithm = DEFAULT) -> PrivateKey:
    """A new private key."""
    return algorithm.generate()


def issue_leaf(
    signer: Signer,
    issuer_certificate: x509.Certificate,
    registration_id: str,
    public_key: PublicKey,
    days: int = profiles.DEVICE.days,
) -> x509.Certificate:
    """A device's certificate: its common name is the registration id, its organization the issuer's.

    Raises InvalidNameError, UnsupportedKeyError (the device's key), SignerError (the signer is not the
    issuer's), IssueError (the issuer is no CA, expired, or ends before `days` have passed).
    """
    names.check("registration id", registration_id)
    subject = assemble.subject(registration_id, assemble.organization_of(issuer_certificate))
    return assemble.issued(
        assemble.Order(profiles.DEVICE, subject, supported_public(public_key), days),
        signer,
        issuer_certificate,
    )


def issue_device(
    signer: Signer,
    issuer_certificate: x509.Certificate,
    registration_id: str,
    days: int = profiles.DEVICE.days,
    algorithm: Algorithm = DEFAULT,
) -> DeviceIdentity:
    """A new key and a certificate for it; nothing is written. Raises what `issue_leaf` does."""
    key = new_key(algorithm)
    leaf = issue_leaf(signer, issuer_certificate, registration_id, key.public_key(), days)
    return DeviceIdentity(leaf, issuer_certificate, key)


def _clear(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
