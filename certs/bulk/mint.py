"""Makes certificates by template, and checks samples of what it made against the builder."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from certs.bulk.errors import TemplateError
from certs.bulk.keypairs import encoded, sample
from certs.bulk.template import Design, Template, der_length, new_serial, signature_algorithm
from certs.errors import SignerError
from certs.keys import Algorithm, algorithm_of
from certs.names import COMMON_NAME_MAX
from certs.signers import Signer
from certs.signers.file import FileSigner

_SEQUENCE, _BIT_STRING = b"\x30", b"\x03"


class Mint:
    """Issues certificates of one design with one signer, for public keys of any kind."""

    def __init__(self, design: Design, signer: Signer) -> None:
        self._design = design
        self._sign = signer.sign
        # A key in this process signs right, or a sample shows it; a service far away costs more than a check.
        self._check_each = not isinstance(signer, FileSigner)
        self._templates: dict[tuple[str, int], Template] = {}
        kind = sample(algorithm_of(design.signing)).public_key()
        self._algorithm = signature_algorithm(design.reference("reference", kind, new_serial()))

    def certificate(self, registration_id: str, algorithm: Algorithm, public: bytes) -> bytes:
        """A certificate, in DER, for the public key proper of this kind.

        The registration id has passed `certs.names`. Raises TemplateError, SignerError.
        """
        name = registration_id.encode("ascii")
        template = self._templates.get((algorithm.name, len(name))) or self._template(algorithm, len(name))
        tbs = template.tbs(new_serial(), name, public)
        whole = _certificate(tbs, self._algorithm, self._sign(tbs))
        if self._check_each:
            _verify(x509.load_der_x509_certificate(whole), self._design.issuer)
        return whole

    def prove(self, algorithm: Algorithm, length: int) -> None:
        """Have the template for registration ids of this length ready; raises TemplateError."""
        if (algorithm.name, length) not in self._templates:
            self._template(algorithm, length)

    def check(self, der: bytes, registration_id: str, info: bytes) -> None:
        """Parse a certificate that was made here and verify it: signature, names, key, the builder's bytes.

        `info` is the SubjectPublicKeyInfo it is for. Raises TemplateError, SignerError.
        """
        certificate = x509.load_der_x509_certificate(der)
        public_key = certificate.public_key()
        serial = certificate.serial_number.to_bytes(20, "big")
        wanted = self._design.reference(registration_id, public_key, serial)  # type: ignore[arg-type]  # our kinds
        same = certificate.tbs_certificate_bytes == wanted.tbs_certificate_bytes
        if not same or encoded(public_key) != info:  # type: ignore[arg-type]  # as above
            raise TemplateError(f"{registration_id}: the certificate is not what the builder makes; stopped")
        _verify(certificate, self._design.issuer)

    def _template(self, algorithm: Algorithm, length: int) -> Template:
        if not 1 <= length <= COMMON_NAME_MAX:
            raise TemplateError(f"a common name of {length} characters; 1 to {COMMON_NAME_MAX} are right")
        made = Template(self._design, algorithm, length)
        self._templates[algorithm.name, length] = made
        return made


def _certificate(tbs: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """RFC 5280 section 4.1: TBS, algorithm, and the signature as a bit string with no unused bits."""
    head = _BIT_STRING + der_length(len(signature) + 1) + b"\0"
    length = len(tbs) + len(algorithm) + len(head) + len(signature)
    return b"".join((_SEQUENCE, der_length(length), tbs, algorithm, head, signature))


def _verify(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise SignerError("the signer's signature does not verify; nothing more was issued") from error
