"""Targets: lists of ids and of requests in CSV, bundles as they are and with their chain mended."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from certs.bulk import lists, measure
from certs.bulk.bundle import Bundle
from certs.bulk.commission import Commission
from certs.bulk.course import Course, Frame
from certs.bulk.crew import Alone
from certs.bulk.frames import HASH_BYTES, HEAD, MAGIC, chained, decode_batch, decode_keys
from certs.bulk.lists import Range
from certs.bulk.run import issue
from certs.bulk.sealing import new_identity
from certs.errors import CertsError

_COLUMNS = (("registration_id",), ("registration_id", "csr"))


def csv(data: bytes) -> None:
    """A list: every record has its values or a fault, and stands on a line of its own."""
    for columns in _COLUMNS:
        try:
            rows = list(lists.parse(io.BytesIO(data), columns, "fuzz"))
        except CertsError:
            continue
        assert all(fault or len(values) == len(columns) for _, values, fault in rows)
        assert [at for at, _, _ in rows] == sorted(at for at, _, _ in rows)


def csv_seeds() -> Iterable[bytes]:
    """Lists with quotes, a byte order mark, other columns, requests."""
    return [
        b"registration_id\nreefer-1\nreefer-2\n",
        b'\xef\xbb\xbfsite,"registration_id"\r\n"a,b",reefer-1\r\n\r\n"x\ny",reefer-2\r\n',
        b'registration_id,csr\na,aGVsbG8=\nb,"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"\n',
        b"registration_id\n\xff\xfe\n",
    ]


def bundle(data: bytes) -> None:
    """A file that may be a bundle, then the same with every hash as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.bundle"
        for content in (data, b"".join(_mended(data))):
            path.write_bytes(content)
            try:
                found = Bundle.open(path, unfinished=True)
                records = [record for batch in Bundle.batches(path, True) for record in batch.records]
            except CertsError:
                continue
            assert len(records) == found.records
    _parts(data)


def bundle_seeds() -> Iterable[bytes]:
    """A small bundle, whole and torn."""
    whole = _bundle()
    return [whole, whole[: len(whole) // 2], MAGIC]


def _parts(data: bytes) -> None:
    for decode in (decode_batch, decode_keys):
        try:
            decode(data)
        except ValueError:
            continue


def _mended(data: bytes) -> Iterator[bytes]:
    """The frames of a file, chained anew, so that what stands in them is reached."""
    head, at = Course().head, len(MAGIC)
    yield MAGIC
    while at + HEAD.size <= len(data):
        kind, length = HEAD.unpack(data[at : at + HEAD.size])
        body = data[at + HEAD.size : at + HEAD.size + length]
        found = Frame(kind, body, chained(head, kind, body))
        yield b"".join((HEAD.pack(kind, len(body)), body, found.hash))
        head, at = found.hash, at + HEAD.size + length + HASH_BYTES


@lru_cache
def _bundle() -> bytes:
    signer, issuer = measure.throwaway()
    with tempfile.TemporaryDirectory() as folder:
        recipient = new_identity(Path(folder) / "line.key")
        out = Path(folder) / "seed.bundle"
        issue(Commission(Range("unit-{}", 3), issuer, recipient, days=9, batch=2), signer, Alone(), out)
        return out.read_bytes()
