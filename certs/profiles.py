"""Profiles: what each kind of certificate may do, as data. Rules are RFC 5280's if no other is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Profile:
    """One kind of certificate.

    `path_length` counts the CA certificates that may stand below (None: no limit); `days` is the usual life,
    in days.
    """

    name: str
    ca: bool
    key_usage: tuple[str, ...]
    extended_key_usage: tuple[x509.ObjectIdentifier, ...]
    days: int
    path_length: int | None = None

    def extensions(self) -> Sequence[tuple[x509.ExtensionType, bool]]:
        """The extensions that are the same for every certificate of this kind, each with its criticality."""
        usage = {name: name in self.key_usage for name in _USAGES}
        fixed: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=self.ca, path_length=self.path_length), True),
            (x509.KeyUsage(**usage), True),
        ]
        if self.extended_key_usage:
            fixed.append((x509.ExtendedKeyUsage(self.extended_key_usage), False))
        return fixed


ROOT = Profile(
    name="root",
    ca=True,
    # No path length: a successor that is cross-signed by this root needs room for its own issuers.
    key_usage=("key_cert_sign", "crl_sign"),
    extended_key_usage=(),
    days=7300,
)

ISSUER = Profile(
    name="issuer",
    ca=True,
    path_length=0,
    key_usage=("key_cert_sign", "crl_sign"),
    # A stolen factory key can make clients, but neither servers nor code signers nor further authorities.
    extended_key_usage=(ExtendedKeyUsageOID.CLIENT_AUTH,),
    days=3650,
)

DEVICE = Profile(
    name="device",
    ca=False,
    # ECDSA only signs in TLS; key encipherment belongs to RSA key transport (RFC 8446, RFC 5480 section 3).
    key_usage=("digital_signature",),
    extended_key_usage=(ExtendedKeyUsageOID.CLIENT_AUTH,),
    days=365,
)

POSSESSION = Profile(
    name="possession",
    ca=False,
    # A client certificate, as Azure's own sample makes it (Azure/azure-iot-sdk-c, tools/CACertificates:
    # certGen.sh, and section usr_cert of openssl_root_ca.cnf), without what only RSA and e-mail need.
    key_usage=("digital_signature",),
    extended_key_usage=(ExtendedKeyUsageOID.CLIENT_AUTH,),
    days=1,
)
