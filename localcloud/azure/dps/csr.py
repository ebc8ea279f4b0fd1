"""Certificate requests of registering devices: read, checked, and answered with a chain.

`csr` of DeviceRegistration, device.json 2026-11-01: "A Base64-encoded DER certificate signing request (CSR)
in PKCS #10 format, excluding PEM headers and footers. The Common Name (CN) must match the device
registrationId."
"""

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from localcloud.azure.adr import Issuer
from localcloud.azure.dps.enrollments import is_registry_issued
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import Document
from localcloud.azure.dps.namespaces import namespaces_of
from localcloud.azure.dps.versions import NEWEST, issues_certificates
from localcloud.pem import der_text

LARGEST_TEXT = 16 * 1024

# What base64 and `cryptography` raise on hostile input.
_MALFORMED = (
    binascii.Error,
    ValueError,
    TypeError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    x509.DuplicateExtension,
)


def refused(words: str) -> DpsError:
    """A request that gets no certificate."""
    return DpsError(400, 400000, words, "certificate-refused")


def check_version(version: str) -> None:
    """Raises DpsError when the version knows no requests."""
    if not issues_certificates(version):
        raise refused(f"csr: certificates are issued with api-version {NEWEST}; this call is of {version}.")


def read(text: str, registration_id: str) -> x509.CertificateSigningRequest:
    """The request, whose key is proved and whose name is the device's. Raises DpsError."""
    if len(text) > LARGEST_TEXT:
        raise refused(f"csr: it has more than {LARGEST_TEXT} characters.")
    if "-----" in text:
        raise refused("csr: it must be base64 of DER, without the PEM header and footer.")
    try:
        request = x509.load_der_x509_csr(base64.b64decode(text, validate=True))
        _check(request, registration_id)
    except _MALFORMED as fault:
        raise refused(
            f"csr: it is no PKCS#10 request in base64 of DER: {fault or type(fault).__name__}."
        ) from fault
    return request


def namespace_of(service: Document, enrollment: Document) -> str:
    """The resource id of the namespace that the enrollment names. Raises DpsError."""
    name = str(enrollment["namespaceName"])
    namespace = namespaces_of(service).get(name.lower())
    if namespace is None:
        raise refused(f"The namespace {name} is not linked to this provisioning service.")
    return namespace


def issue(
    issuer: Issuer,
    namespace: str,
    enrollment: Document,
    csr: x509.CertificateSigningRequest,
    registration_id: str,
) -> list[str]:
    """The chain in base64 of DER, leaf first. Raises DpsError."""
    try:
        chain = issuer.issue(namespace, enrollment["certificatePolicyName"], csr, registration_id)
    except LookupError as fault:
        raise refused(f"No certificate was issued: {fault.args[0] if fault.args else fault}.") from fault
    return [der_text(certificate) for certificate in chain]


def check_enrollment(enrollment: Document, what: str) -> None:
    """Raises DpsError when its devices get no certificates."""
    if not is_registry_issued(enrollment):
        raise refused(f"csr: {what} names no certificate policy of Azure Device Registry.")


def _check(request: x509.CertificateSigningRequest, registration_id: str) -> None:
    if not request.is_signature_valid:
        raise refused("csr: its signature is not by the key that it holds.")
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if len(names) == 1 else None
    if name is None or name.lower() != registration_id.lower():
        raise refused(
            f"csr: its common name is {name!r}, which must be the registration id {registration_id!r}."
        )
