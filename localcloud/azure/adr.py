"""The certificate authorities of Azure Device Registry, and what they issue.

A namespace's credential is a root CA, a policy an issuing CA below it with the life of its leaves; all keys
are ECC P-384 and all signatures SHA-384 ("What is certificate management in Azure Device Registry?",
learn.microsoft.com/azure/iot-hub/iot-hub-certificate-management-overview). Azure keeps the keys in hardware;
the local cloud makes them when the resource is made, and they are of no use outside it. How long its CAs live
is not published: ten years for a root, five for an issuing CA here.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.azure.directory import Directory
from localcloud.clock import Clock
from localcloud.store import Document, Store

ROOTS, AUTHORITIES = "adr-root", "adr-ca"
USUAL_LEAF_DAYS = 30
LONGEST_LEAF_DAYS = 90
_ROOT_DAYS, _ISSUING_DAYS = 3650, 1825
_LONGEST_NAME = 64  # ub-common-name of RFC 5280, appendix A
_BACKDATED = timedelta(minutes=5)  # device clocks are seldom right to the second
_NO_USE = {
    "content_commitment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "encipher_only": False,
    "decipher_only": False,
    "key_encipherment": False,
}


class Issuer:
    """Issues operational certificates to devices, by the policies of linked namespaces."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._directory = Directory(store)

    def issue(
        self, namespace_id: str, policy: str, csr: x509.CertificateSigningRequest, registration_id: str
    ) -> list[x509.Certificate]:
        """The chain for a request: leaf, issuing CA, root. Raises LookupError with the reason.

        Of the request only the key is taken: subject and extensions are the registry's.
        """
        kept = self._store.get(AUTHORITIES, _key(namespace_id, policy))
        root = self._store.get(ROOTS, namespace_id.lower())
        if kept is None or root is None:
            raise LookupError(f"there is no certificate policy {policy} in {namespace_id}")
        if len(registration_id) > _LONGEST_NAME:
            raise LookupError(f"a common name holds {_LONGEST_NAME} characters, not {len(registration_id)}")
        if not csr.is_signature_valid:
            raise LookupError("the request is not signed by its own key")
        issuing = _certificate(kept)
        leaf = _leaf(csr.public_key(), registration_id, issuing, _private(kept), self._clock, kept["days"])
        return [leaf, issuing, _certificate(root)]

    def policy_of(self, hub_host: str, leaf: x509.Certificate) -> tuple[str, str] | None:
        """The namespace linked to a hub, and its policy, that issued a certificate; None: none of them."""
        for namespace in self._directory.namespaces_of_hub(hub_host):
            for key, kept in self._store.list(AUTHORITIES, f"{namespace.lower()}/"):
                if _issued(leaf, _certificate(kept)):
                    return namespace, key.rpartition("/")[2]
        return None

    def trusted(self, hub_host: str) -> list[x509.Certificate]:
        """The CA certificates, roots and issuing ones, of the namespaces that are linked to a hub."""
        found: list[x509.Certificate] = []
        for namespace in self._directory.namespaces_of_hub(hub_host):
            root = self._store.get(ROOTS, namespace.lower())
            issuing = [it for _, it in self._store.list(AUTHORITIES, f"{namespace.lower()}/")]
            found += [_certificate(it) for it in ([root] if root else []) + issuing]
        return found


def ensure_root(store: Store, clock: Clock, namespace_id: str) -> x509.Certificate:
    """The root CA of a namespace, made when there is none."""
    kept = store.get(ROOTS, namespace_id.lower())
    if kept is not None:
        return _certificate(kept)
    key = ec.generate_private_key(ec.SECP384R1())
    subject = _name(f"{namespace_id.rpartition('/')[2]} root")
    made = _authority(subject, subject, key, key, clock, _ROOT_DAYS, path_length=None)
    store.put(ROOTS, namespace_id.lower(), _document(made, key))
    return made


def ensure_policy(store: Store, clock: Clock, namespace_id: str, policy: str, days: int) -> x509.Certificate:
    """The issuing CA of a policy, made when there is none; `days` is the life of its leaves from now on."""
    ensure_root(store, clock, namespace_id)
    root = store.get(ROOTS, namespace_id.lower())
    assert root is not None
    kept = store.get(AUTHORITIES, _key(namespace_id, policy)) or _new_issuing(root, policy, clock)
    store.put(AUTHORITIES, _key(namespace_id, policy), {**kept, "days": days})
    return _certificate(kept)


def forget_root(store: Store, namespace_id: str) -> None:
    """Remove a namespace's root CA."""
    store.delete(ROOTS, namespace_id.lower())


def forget_policy(store: Store, namespace_id: str, policy: str) -> None:
    """Remove a policy's issuing CA: what it issued is trusted no longer."""
    store.delete(AUTHORITIES, _key(namespace_id, policy))


def _new_issuing(root: Document, policy: str, clock: Clock) -> Document:
    key = ec.generate_private_key(ec.SECP384R1())
    above = _certificate(root)
    made = _authority(_name(policy), above.subject, key, _private(root), clock, _ISSUING_DAYS, path_length=0)
    return _document(made, key)


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    clock: Clock,
    days: int,
    *,
    path_length: int | None,
) -> x509.Certificate:
    """A CA certificate after RFC 5280, 4.2.1.1 to 4.2.1.3 and 4.2.1.9."""
    usage = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **_NO_USE)
    builder = _builder(subject, issuer, key.public_key(), clock.now(), timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return _signed(builder, key.public_key(), signer)


def _leaf(
    key: CertificatePublicKeyTypes,
    registration_id: str,
    issuing: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    clock: Clock,
    days: int,
) -> x509.Certificate:
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=False, crl_sign=False, **_NO_USE)
    client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = _builder(_name(registration_id), issuing.subject, key, clock.now(), timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True).add_extension(client, critical=False)
    return _signed(builder, key, signer)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0) - _BACKDATED
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), start, start + life)


def _signed(
    builder: x509.CertificateBuilder, key: CertificatePublicKeyTypes, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    own = x509.SubjectKeyIdentifier.from_public_key(key)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(own, critical=False).add_extension(above, critical=False)
    return builder.sign(signer, hashes.SHA384())


def _issued(leaf: x509.Certificate, issuing: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuing)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_NAME])])


def _key(namespace_id: str, policy: str) -> str:
    return f"{namespace_id.lower()}/{policy.lower()}"


def _document(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Document:
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return {
        "certificate": certificate.public_bytes(pem).decode(),
        "key": key.private_bytes(pem, form, plain).decode(),
    }


def _certificate(kept: Document) -> x509.Certificate:
    return x509.load_pem_x509_certificate(kept["certificate"].encode())


def _private(kept: Document) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(kept["key"].encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
