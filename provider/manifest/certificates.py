"""The certificate of a device, as a manifest gives it: PEM, base64 of DER, or DER itself (Parquet).

A thumbprint is not enough: DPS keeps the certificate (X509CertificateWithInfo, service.json 2021-10-01). A
path is not taken, as the file behind it would not be part of the content hash."""

from __future__ import annotations

import base64
import binascii
import ssl
import warnings
from datetime import datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_RIGHT = "one certificate as PEM, or as base64 of its DER, would be right"


class CellError(Exception):
    """A cell does not hold what it should; the text says what would be right."""


class Fault(NamedTuple):
    """What is wrong with a certificate. `whole_file` when it says that the file's rows have slid."""

    reason: str
    whole_file: bool = False


def der(cell: object) -> bytes:
    """The DER of a cell. Raises CellError; a private key is never shown."""
    if isinstance(cell, bytes) and b"-----BEGIN" not in cell:
        return cell
    text = cell.decode("latin-1") if isinstance(cell, bytes) else cell
    if not isinstance(text, str):
        raise CellError(f"is {type(cell).__name__}; {_RIGHT}")
    if "PRIVATE KEY" in text:
        raise CellError(f"holds a private key, which belongs to the device alone; {_RIGHT}")
    if "-----BEGIN" in text:
        if (found := text.count(_BEGIN)) != 1 or text.count(_END) != 1:
            raise CellError(f"holds {found} certificates; {_RIGHT}")
        text = text.partition(_BEGIN)[2].partition(_END)[0]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise CellError(f"is no base64; {_RIGHT}") from None


def pem(data: bytes) -> str:
    """The one PEM text of a DER."""
    return ssl.DER_cert_to_PEM_cert(data)


def fault(data: bytes, registration_id: str, today: datetime) -> Fault | None:
    """Why DPS or the device could not use this certificate for that id; None when they can."""
    try:
        with warnings.catch_warnings(action="error"):  # a serial below 1, say
            certificate = x509.load_der_x509_certificate(data)
        names = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        ends = certificate.not_valid_after_utc
        authority = _is_authority(certificate)
    except (
        ValueError,
        TypeError,
        Warning,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return Fault(f"is no X.509 certificate; {_RIGHT}")
    if [name.lower() for name in names] != [registration_id.lower()]:
        said = " and ".join(name[:140] for name in names) or "missing"
        return Fault(
            f"its CN is {said}; the registration id {registration_id} would be right", whole_file=True
        )
    if ends <= today:
        return Fault(f"expired on {ends:%Y-%m-%d}; one that is still good would be right")
    return Fault("is a CA's; the device's own would be right") if authority else None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
