"""Revocation lists that the local cloud was handed. It fetches none: nothing leaves loopback.

AWS follows the distribution points in certificates. Here `learn` takes a list, whose signature must be its
issuer's; a certificate that names a distribution point whose list nobody handed over cannot be assessed.
"""

from cryptography import x509

from localcloud.aws.iot.refusals import invalid
from localcloud.aws.place import Place

_KIND = "aws-revocation-list"


class Revocations:
    """Revoked serial numbers by issuer."""

    def __init__(self, place: Place) -> None:
        self._store = place.store

    def learn(self, crl_pem: str, issuer_pem: str) -> int:
        """Take a list; how many it revokes. Raises ApiError when its issuer did not sign it."""
        try:
            crl = x509.load_pem_x509_crl(crl_pem.encode())
            issuer = x509.load_pem_x509_certificate(issuer_pem.encode())
            is_signed = crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type] # other keys: TypeError
        except (ValueError, TypeError) as fault:
            raise invalid("The revocation list or its issuer cannot be read.") from fault
        if not is_signed or crl.issuer != issuer.subject:
            raise invalid("The revocation list is not signed by this issuer.")
        serials = [str(it.serial_number) for it in crl]
        self._store.put(_KIND, _key(crl.issuer), {"serials": serials})
        return len(serials)

    def is_revoked(self, certificate: x509.Certificate) -> bool | None:
        """Whether its issuer has revoked it; None when that cannot be told."""
        known = self._store.get(_KIND, _key(certificate.issuer))
        if known is not None:
            return str(certificate.serial_number) in known["serials"]
        return None if _has_list(certificate) else False


def _has_list(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return True


def _key(name: x509.Name) -> str:
    return name.public_bytes().hex()
