"""How a bundle is written down: frames, each chained to the one before it. No IO.

    bundle = MAGIC frame*                     frame = kind (1) length (4) body (length) hash (32)
    hash   = SHA-256(hash of the frame before, or of MAGIC; kind; length; body)

    kind S  start: what the bundle was begun for, JSON (`certs.bulk.job`); the first frame, and only that
    kind B  batch: number (4) first (8) count (4) record* sealed
            record = id length (1) id, certificate length (4) certificate in DER
            sealed = length (4), an age envelope of: batch number (4), (key length (4) key in PKCS#8 DER)*;
            length 0 when only requests came in
    kind N  note: a run that went on after another had ended early, JSON
    kind E  end: how many batches and records there are, JSON; nothing follows it

Numbers are unsigned and big-endian. A frame whose bytes are not all there, or whose hash is not right, is not
there: readers stop before it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from cryptography import x509

MAGIC = b"muster bundle 1\n"
START, BATCH, NOTE, END = b"S", b"B", b"N", b"E"
KINDS = (START, BATCH, NOTE, END)
HEAD = struct.Struct(">cI")
HASH_BYTES = 32
MAX_BODY = 1 << 26
"""64 MiB: more than 4,096 records with the largest keys and signatures."""

_BATCH = struct.Struct(">IQI")
_SIZE = struct.Struct(">I")


@dataclass(frozen=True)
class Record:
    """One device: its registration id and its certificate in DER."""

    registration_id: str
    certificate: bytes = field(repr=False)

    @cached_property
    def parsed(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_der_x509_certificate(self.certificate)

    @property
    def serial(self) -> int:
        """The serial number."""
        return self.parsed.serial_number

    @property
    def not_after(self) -> datetime:
        """When it ends."""
        return self.parsed.not_valid_after_utc

    @property
    def issuer(self) -> str:
        """The issuer's name, as RFC 4514 writes it."""
        return self.parsed.issuer.rfc4514_string()


@dataclass(frozen=True)
class Batch:
    """One batch, whole. `sealed` is empty when only requests came in; `hash` is its place in the chain."""

    number: int
    first: int
    records: tuple[Record, ...]
    sealed: bytes = field(repr=False)
    hash: bytes = b""


def genesis() -> bytes:
    """What the first frame is chained to."""
    return hashlib.sha256(MAGIC).digest()


def chained(previous: bytes, kind: bytes, body: bytes) -> bytes:
    """A frame's hash."""
    digest = hashlib.sha256(previous)
    digest.update(HEAD.pack(kind, len(body)))
    digest.update(body)
    return digest.digest()


def frame(previous: bytes, kind: bytes, body: bytes) -> tuple[bytes, bytes]:
    """A whole frame, and its hash."""
    digest = chained(previous, kind, body)
    return b"".join((HEAD.pack(kind, len(body)), body, digest)), digest


def encode_batch(number: int, first: int, records: Iterable[tuple[str, bytes]], sealed: bytes) -> bytes:
    """The body of a batch."""
    parts = [b""]
    for registration_id, certificate in records:
        name = registration_id.encode("ascii")
        parts += (bytes((len(name),)), name, _SIZE.pack(len(certificate)), certificate)
    parts[0] = _BATCH.pack(number, first, len(parts) // 4)
    parts += (_SIZE.pack(len(sealed)), sealed)
    return b"".join(parts)


def decode_batch(body: bytes, digest: bytes = b"") -> Batch:
    """The batch of a body; raises ValueError when it is none."""
    reader = _Reader(body)
    number, first, count = _BATCH.unpack(reader.take(_BATCH.size))
    records = tuple(_record(reader) for _ in range(min(count, len(body))))
    sealed = reader.sized()
    reader.end()
    return Batch(number, first, records, sealed, digest)


def serial_of(certificate: bytes) -> bytes:
    """The serial number's octets, without parsing the rest; raises ValueError.

    RFC 5280 section 4.1: SEQUENCE { SEQUENCE { [0] { version }, serial INTEGER, ...
    """
    at = _inside(certificate, 0, 0x30)
    at = _inside(certificate, at, 0x30)
    at = _inside(certificate, at, 0xA0) + 3
    begin = _inside(certificate, at, 0x02)
    return certificate[begin : begin + certificate[at + 1]]


def json_object(text: bytes) -> dict[str, Any]:
    """The JSON object in a body; raises ValueError when it is none, or nested without end."""
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("its JSON is no object")  # noqa: TRY004  foreign input, one kind of error
    return found


def encode_keys(number: int, keys: Sequence[bytes]) -> bytes:
    """What is sealed: the batch it belongs to, and its private keys in the order of its records."""
    return b"".join((_SIZE.pack(number), *(part for key in keys for part in (_SIZE.pack(len(key)), key))))


def decode_keys(clear: bytes) -> tuple[int, Iterator[bytes]]:
    """The batch's number and the keys; raises ValueError when the text is neither."""
    reader = _Reader(clear)
    number = _SIZE.unpack(reader.take(_SIZE.size))[0]
    return number, iter(list(reader.rest()))


def _record(reader: _Reader) -> Record:
    name = reader.take(reader.take(1)[0]).decode("ascii")
    return Record(name, reader.sized())


def _inside(der: bytes, at: int, tag: int) -> int:
    """Where the content of the DER element at `at` begins."""
    if der[at : at + 1] != bytes((tag,)) or len(der) < at + 2:
        raise ValueError("a certificate has an unknown form")
    length = der[at + 1]
    return at + 2 + (length & 0x7F if length & 0x80 else 0)


class _Reader:
    """Takes a body apart; raises ValueError where it ends too early or too late."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) != length:
            raise ValueError("ends too early")
        self._at += length
        return part

    def sized(self) -> bytes:
        return self.take(_SIZE.unpack(self.take(_SIZE.size))[0])

    def rest(self) -> Iterator[bytes]:
        while self._at < len(self._data):
            yield self.sized()

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("goes on after its end")
