"""What a device's certificate says: name, serial number, life. Lambda's Python has no library for it.

Just so much of DER (X.690) as RFC 5280 section 4.1 needs. The signature is not looked at: AWS IoT verified it
against the registered CA before it told of the certificate.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

_SEQUENCE, _SET, _INTEGER, _OID, _EXPLICIT_0 = 0x30, 0x31, 0x02, 0x06, 0xA0
_COMMON_NAME = bytes.fromhex("550403")
_TEXTS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_TIMES = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class UnreadableCertificate(ValueError):  # noqa: N818 - it is what it says
    """It is no certificate, or one without what is needed."""


@dataclass(frozen=True)
class Leaf:
    """A device's certificate."""

    common_name: str
    serial: str
    """In lower-case hexadecimal, without leading zeros."""
    begins: datetime
    ends: datetime


def read(pem: str) -> Leaf:
    """The certificate in a PEM text. Raises UnreadableCertificate."""
    try:
        return _leaf(_der(pem))
    except (IndexError, StopIteration, UnicodeDecodeError, binascii.Error, ValueError) as error:
        if isinstance(error, UnreadableCertificate):
            raise
        raise UnreadableCertificate("it is no certificate") from None


def _der(pem: str) -> bytes:
    body = pem.partition(_BEGIN)[2].partition(_END)
    if not body[1]:
        raise UnreadableCertificate("it is no PEM")
    return base64.b64decode("".join(body[0].split()), validate=True)


def _leaf(der: bytes) -> Leaf:
    certificate = next(_values(der))
    fields = _values(_sequence(next(_values(_sequence(certificate)))))
    first = next(fields)
    serial = next(fields) if first[0] == _EXPLICIT_0 else first
    _algorithm, _issuer, validity, subject = islice(fields, 4)
    if serial[0] != _INTEGER:
        raise UnreadableCertificate("its serial number is no number")
    begins, ends = (_time(*each) for each in _values(_sequence(validity)))
    return Leaf(_name(_sequence(subject)), f"{int.from_bytes(serial[1], 'big'):x}", begins, ends)


def _name(subject: bytes) -> str:
    found = []
    for kind, part in _values(subject):
        if kind != _SET:
            raise UnreadableCertificate("its subject is no name")
        for attribute in _values(part):
            (oid_tag, oid), (tag, value) = _values(_sequence(attribute))
            if oid_tag == _OID and oid == _COMMON_NAME:
                found.append(value.decode(_TEXTS.get(tag, "ascii")))
    if len(found) != 1:
        raise UnreadableCertificate(f"its subject has {len(found)} common names; one is needed")
    return found[0]


def _time(tag: int, value: bytes) -> datetime:
    if tag not in _TIMES:
        raise UnreadableCertificate("its life has no time")
    moment = datetime.strptime(value.decode("ascii"), _TIMES[tag]).replace(tzinfo=UTC)
    # RFC 5280 section 4.1.2.5.1: two digits of a year from 50 on are of the last century.
    return moment.replace(year=moment.year - 100) if tag == 0x17 and moment.year >= 2050 else moment


def _sequence(value: tuple[int, bytes]) -> bytes:
    if value[0] != _SEQUENCE:
        raise UnreadableCertificate("it has not the form of a certificate")
    return value[1]


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The values in a stretch of DER, each with its tag."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise UnreadableCertificate("it ends too early")
        yield tag, data[at : at + length]
        at += length
