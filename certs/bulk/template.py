"""The fast path: a certificate's TBS as a template with holes, cut from a reference of the builder.

`certs.assemble` is how certificates are made here; its builder costs several times the key and the signature.
Certificates of one run differ in few things only: serial number, registration id, public key, subject key
identifier (the key's SHA-1, RFC 5280 section 4.2.1.2), and the revocation list that the serial number belongs
to, where there are lists. So for each length of id (which changes the lengths around it) a reference is built
by `assemble.reference`, these things are found, each exactly once, and cut out. A template serves only after
it has given, for other values, the same bytes as the builder for them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from certs import assemble, issue
from certs.bulk.errors import TemplateError
from certs.bulk.keypairs import PublicShape, encoded, identifier, sample
from certs.issue import Terms
from certs.keys import Algorithm, PublicKey, supported_public
from certs.life.revocation import Partitions
from certs.profiles import Profile

SERIAL_BYTES = 20
"""RFC 5280 section 4.1.2.2: at most 20 octets, positive. 158 bits of these are random."""

MAX_LISTS = 100_000
"""Up to here the numbers of revocation lists have the same length."""

_PROOFS = 2


def new_serial() -> bytes:
    """A random serial number whose DER always has 20 octets: positive, and with no leading zero octet."""
    random = os.urandom(SERIAL_BYTES)
    return bytes((0x40 | random[0] & 0x3F,)) + random[1:]


@dataclass(frozen=True)
class Design:
    """What the certificates of a run have in common: their kind, their issuer, from when to when.

    `lists` are the issuer's revocation lists, of which each certificate names its own.
    """

    profile: Profile
    issuer: x509.Certificate
    valid: tuple[datetime, datetime]
    lists: Partitions | None = None

    @property
    def signing(self) -> PublicKey:
        """The issuer's key."""
        return supported_public(self.issuer.public_key())

    @property
    def suffix(self) -> str:
        """What the common name has behind the registration id (a gateway's own authority has something)."""
        subject = self.order("x", self.signing).subject
        return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).removeprefix("x")

    def order(self, registration_id: str, public_key: PublicKey) -> assemble.Order:
        """What the builder is asked for when one device is issued. A server's id is its host's name."""
        hosts = (x509.DNSName(registration_id),) if self.profile.hosts else ()
        terms = Terms(self.profile, hosts, point=self.lists.point if self.lists else None)
        days = max(1, (self.valid[1] - self.valid[0]).days)
        return issue.order(self.issuer, registration_id, public_key, days, terms)

    def reference(self, registration_id: str, public_key: PublicKey, serial: bytes) -> x509.Certificate:
        """The builder's certificate for these values; only its signature is a throwaway's."""
        order, number = self.order(registration_id, public_key), int.from_bytes(serial, "big")
        return assemble.reference(order, self.signing, self.issuer, number, self.valid)


class Template:
    """The TBS of certificates of one design, one kind of key and one length of registration id."""

    def __init__(self, design: Design, algorithm: Algorithm, length: int) -> None:
        self._shape = PublicShape(algorithm)
        self._design = design
        self._lists = design.lists
        if self._lists and not 1 <= self._lists.count <= MAX_LISTS:
            raise TemplateError(f"{self._lists.count} revocation lists; 1 to {MAX_LISTS} are right")
        self._length = length
        self._parts, self._holes = self._cut(sample(algorithm).public_key(), _sentinel(design, length))
        for which in range(1, _PROOFS + 1):
            self._prove(sample(algorithm, which).public_key(), which)

    def tbs(self, serial: bytes, registration_id: bytes, public: bytes) -> bytes:
        """The TBS for these values: 20 octets of serial, an id of the right length, public key proper."""
        identifier = hashlib.sha1(public).digest()  # noqa: S324  RFC 5280 section 4.2.1.2, no security in it
        values = (serial, registration_id, public, identifier, self._list(serial))
        parts = self._parts.copy()
        for at, which in self._holes:
            parts[at] = values[which]
        return b"".join(parts)

    def _list(self, serial: bytes) -> bytes:
        """The file of the revocation list that a serial number belongs to."""
        if self._lists is None:
            return b""
        return self._lists.file(self._lists.of(int.from_bytes(serial, "big"))).encode("ascii")

    def _cut(self, public_key: PublicKey, name: str) -> tuple[list[bytes], list[tuple[int, int]]]:
        serial = new_serial()
        tbs = self._design.reference(name, public_key, serial).tbs_certificate_bytes
        info = encoded(public_key)
        order = self._design.order(name, public_key)
        found = [
            _place(tbs, b"\x02" + bytes([SERIAL_BYTES]) + serial, serial, 0),
            _place(tbs, order.subject.public_bytes(), name.encode(), 1),
            _place(tbs, info, self._shape.cut(info), 2),
            _place(tbs, b"\x04\x14" + identifier(public_key), identifier(public_key), 3),
        ]
        if order.hosts:
            names = x509.SubjectAlternativeName(order.hosts).public_bytes()
            found.append(_place(tbs, names, name.encode(), 1))
        if self._lists is not None:
            own = self._lists.url(self._lists.of(int.from_bytes(serial, "big"))).value
            found.append(_place(tbs, own.encode(), self._list(serial), 4))
        return _split(tbs, sorted(found))

    def _prove(self, public_key: PublicKey, which: int) -> None:
        """Give the same bytes as the builder, for other values; raises TemplateError."""
        name, serial = _other_name(self._length, which), new_serial()
        wanted = self._design.reference(name, public_key, serial).tbs_certificate_bytes
        if self.tbs(serial, name.encode(), self._shape.cut(encoded(public_key))) != wanted:
            raise TemplateError("the template does not give the builder's bytes; nothing is issued by it")


def signature_algorithm(reference: x509.Certificate) -> bytes:
    """The AlgorithmIdentifier that stands between a certificate's TBS and its signature."""
    der, tbs = reference.public_bytes(serialization.Encoding.DER), reference.tbs_certificate_bytes
    signature = b"\x03" + der_length(len(reference.signature) + 1) + b"\0" + reference.signature
    begin, end = der.index(tbs) + len(tbs), len(der) - len(signature)
    if not der.endswith(signature) or not begin < end:
        raise TemplateError("the reference certificate has an unknown form")
    return der[begin:end]


def der_length(length: int) -> bytes:
    """A length as DER writes it (X.690 section 8.1.3), up to 65,535."""
    if length < 0x80:
        return bytes((length,))
    if length <= 0xFF:
        return bytes((0x81, length))
    return bytes((0x82, *length.to_bytes(2, "big")))


def _place(tbs: bytes, around: bytes, value: bytes, which: int) -> tuple[int, int, int]:
    """Where a value stands in the TBS, found by what is around it: begin, end, which value."""
    if tbs.count(around) != 1 or around.count(value) < 1:
        raise TemplateError("a varying part of the reference certificate cannot be told from the rest of it")
    begin = tbs.index(around) + around.rindex(value)
    return begin, begin + len(value), which


def _split(tbs: bytes, places: Sequence[tuple[int, int, int]]) -> tuple[list[bytes], list[tuple[int, int]]]:
    parts: list[bytes] = []
    holes: list[tuple[int, int]] = []
    at = 0
    for begin, end, which in places:
        if begin < at:
            raise TemplateError("varying parts of the reference certificate overlap")
        parts += [tbs[at:begin], b""]
        holes.append((len(parts) - 1, which))
        at = end
    return [*parts, tbs[at:]], holes


def _sentinel(design: Design, length: int) -> str:
    """A registration id whose subject is not the issuer's."""
    names = (letter * length for letter in "qz")
    return next(name for name in names if design.order(name, design.signing).subject != design.issuer.subject)


def _other_name(length: int, which: int) -> str:
    return (f"{which}device0" * 8)[:length]
