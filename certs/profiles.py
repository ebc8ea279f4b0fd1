"""Profiles: what each kind of certificate may do, as data. Rules are RFC 5280's if no other is named.

An authority has two sorts of intermediates, so that what is stolen from one makes nothing of the other's:
`ISSUER` makes TLS clients (devices, claims, proofs) of one fleet, `SERVER_ISSUER` makes TLS servers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.keys import DEFAULT, Algorithm

SERVER_AUTH, CLIENT_AUTH = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
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
    in days. `rsa_key_usage` is added for RSA keys, which alone can encipher (RFC 3279 section 2.3.1); keys of
    ECDSA, Ed25519 (RFC 8410 section 5) and ML-DSA (RFC 9881 section 5) only sign. `hosts`: the names of hosts
    stand in it, at least one.
    """

    name: str
    title: str
    ca: bool
    key_usage: tuple[str, ...]
    extended_key_usage: tuple[x509.ObjectIdentifier, ...]
    days: int
    path_length: int | None = None
    rsa_key_usage: tuple[str, ...] = ()
    hosts: bool = False

    def extensions(self, algorithm: Algorithm = DEFAULT) -> Sequence[tuple[x509.ExtensionType, bool]]:
        """The extensions of every certificate of this kind with this kind of key, and whether critical."""
        usages = self.key_usage + (self.rsa_key_usage if algorithm.name.startswith("rsa-") else ())
        fixed: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=self.ca, path_length=self.path_length), True),
            (x509.KeyUsage(**{name: name in usages for name in _USAGES}), True),
        ]
        if self.extended_key_usage:
            fixed.append((x509.ExtendedKeyUsage(self.extended_key_usage), False))
        return fixed


ROOT = Profile(
    name="root",
    title="root",
    ca=True,
    # No path length: a successor that is cross-signed by this root needs room for its own issuers.
    key_usage=("key_cert_sign", "crl_sign"),
    extended_key_usage=(),
    days=7300,
)

CROSS = Profile(
    name="cross",
    title="root, certified by another root",
    ca=True,
    path_length=2,  # room for a server issuer and the gateways' own authorities below it
    key_usage=("key_cert_sign", "crl_sign"),
    extended_key_usage=(),
    days=1825,
)

ISSUER = Profile(
    name="issuer",
    title="issuer of devices",
    ca=True,
    path_length=0,
    key_usage=("key_cert_sign", "crl_sign"),
    # A stolen factory key can make clients, but neither servers nor code signers nor further authorities.
    extended_key_usage=(CLIENT_AUTH,),
    days=3650,
)

SERVER_ISSUER = Profile(
    name="server-issuer",
    title="issuer of servers and edge gateways",
    ca=True,
    path_length=1,
    key_usage=("key_cert_sign", "crl_sign"),
    # No clients: with this key nobody can pose as a device.
    extended_key_usage=(SERVER_AUTH,),
    days=3650,
)

DEVICE = Profile(
    name="device",
    title="device",
    ca=False,
    # In TLS a client only signs, whatever its key (RFC 8446 section 4.4.3, RFC 5246 section 7.4.8).
    key_usage=("digital_signature",),
    extended_key_usage=(CLIENT_AUTH,),
    days=365,
)

GATEWAY = Profile(
    name="gateway",
    title="edge gateway's own authority",
    ca=True,
    path_length=0,
    # An IoT Edge gateway makes the certificates of its server and modules itself, under a CA certificate of
    # its own (learn.microsoft.com/azure/iot-edge/iot-edge-certs, "Edge CA"); to the cloud it is a device.
    key_usage=("digital_signature", "key_cert_sign"),
    extended_key_usage=(SERVER_AUTH,),
    days=365,
)

SERVER = Profile(
    name="server",
    title="server",
    ca=False,
    key_usage=("digital_signature",),
    rsa_key_usage=("key_encipherment",),  # old clients' key transport (RFC 5246 section 7.4.2)
    extended_key_usage=(SERVER_AUTH,),
    days=365,
    hosts=True,
)

CLAIM = Profile(
    name="claim",
    title="claim certificate",
    ca=False,
    # AWS IoT fleet provisioning by claim: many devices hold this one until each has its own (AWS IoT
    # developer guide, provision-wo-cert), so it lives shortly.
    key_usage=("digital_signature",),
    extended_key_usage=(CLIENT_AUTH,),
    days=90,
)

POSSESSION = Profile(
    name="possession",
    title="proof of possession",
    ca=False,
    # A client certificate, as Azure's own sample makes it (Azure/azure-iot-sdk-c, tools/CACertificates:
    # certGen.sh, and section usr_cert of openssl_root_ca.cnf), without what only RSA and e-mail need.
    key_usage=("digital_signature",),
    extended_key_usage=(CLIENT_AUTH,),
    days=1,
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        each.name: each
        for each in (ROOT, CROSS, ISSUER, SERVER_ISSUER, DEVICE, GATEWAY, SERVER, CLAIM, POSSESSION)
    }
)
ISSUED: Mapping[str, Profile] = MappingProxyType(
    {each.name: each for each in (DEVICE, GATEWAY, SERVER, CLAIM)}
)
"""The profiles that an intermediate issues for somebody else's key."""
