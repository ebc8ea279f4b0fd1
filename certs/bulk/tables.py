"""A bundle as a SQLite database: the same frames and the same chain, in tables that any tool can query.

    devices(position, registration_id, serial, certificate)    one row a device, serial in hex
    frames(position, kind, body, number, first, count, hash)   a batch's body is its envelope alone: its
                                                               records stand in `devices`, from `first` on

A batch is one transaction, flushed to disk (`synchronous = FULL`). The database keeps ids (whatever their
case) and serial numbers unique.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from certs.bulk.course import Course, Frame
from certs.bulk.errors import BundleError, BusyBundleError, DamagedBundleError, OccupiedError
from certs.bulk.flat import sweep
from certs.bulk.frames import BATCH, Batch, encode_batch, serial_of
from certs.bulk.job import Job
from certs.errors import StorageError

SUFFIXES = (".sqlite", ".sqlite3", ".db")
_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID = 0x4D555354  # "MUST": `file` and SQLite's own tools tell whose database it is
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE devices (position INTEGER PRIMARY KEY, registration_id TEXT NOT NULL COLLATE NOCASE UNIQUE,
    serial TEXT NOT NULL UNIQUE, certificate BLOB NOT NULL);
CREATE TABLE frames (position INTEGER PRIMARY KEY, kind BLOB NOT NULL, body BLOB NOT NULL,
    number INTEGER, first INTEGER, count INTEGER, hash BLOB NOT NULL);
"""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_database(path: Path) -> bool:
    """Whether the file is a SQLite database; raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def frames(path: Path, course: Course) -> Generator[Frame, None, None]:
    """The frames that fit the course, which whoever reads has to `accept` one by one.

    Raises DamagedBundleError, BundleError (another program's database), BusyBundleError, OSError.
    """
    with _told(path), closing(_connected(path)) as connection:
        yield from _frames(connection, path, course)


class TableWriter:
    """The one run that writes a database. What it has appended is on disk."""

    def __init__(self, path: Path, connection: sqlite3.Connection, course: Course) -> None:
        self._path = path
        self._connection = connection
        self._course = course
        self.cut = 0

    @classmethod
    def create(cls, path: Path, job: Job) -> TableWriter:
        """A new bundle, which is there with its start or not at all; raises OccupiedError, StorageError."""
        course = Course()
        first = course.next_start(job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _told(path):
                _new(path, first)
        except FileExistsError as error:
            raise OccupiedError(f"{path} exists; a bundle is never overwritten") from error
        except OSError as error:
            raise StorageError(path, error) from error
        return cls.resume(path, lambda _: None)

    @classmethod
    def resume(cls, path: Path, seen: Callable[[Batch], None]) -> TableWriter:
        """Go on with a bundle; every batch is shown to `seen`. SQLite itself undoes what was torn.

        Raises BusyBundleError, DamagedBundleError, BundleError, StorageError, and what `seen` raises.
        """
        course = Course()
        try:
            with _told(path):
                connection = _writing(path)
                sweep(path)
                try:
                    _seen(connection, path, course, seen)
                except BaseException:
                    connection.close()
                    raise
        except OSError as error:
            raise StorageError(path, error) from error
        except ValueError as error:
            raise DamagedBundleError(path, str(error)) from error
        return cls(path, connection, course)

    @property
    def course(self) -> Course:
        """How far the bundle goes."""
        return self._course

    def batches(self) -> Iterator[Batch]:
        """What the bundle holds so far; raises DamagedBundleError, OSError."""
        course = Course()
        with _told(self._path):
            for found in _frames(self._connection, self._path, course):
                batch = course.accept(found)
                if batch is not None:
                    yield batch

    def note(self, note: Mapping[str, Any]) -> None:
        """Append a note; raises StorageError."""
        self._append(self._course.next_note(note))

    def append(self, body: bytes, batch: Batch) -> None:
        """Append a batch, durably; raises StorageError, and then the bundle is as it was before."""
        self._append(self._course.next_batch(body), batch)

    def finish(self) -> None:
        """Append the end, and leave a single file; raises StorageError."""
        self._append(self._course.next_end())
        with self._stored():
            self._connection.execute("PRAGMA journal_mode = DELETE")

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()

    def _append(self, found: Frame, batch: Batch | None = None) -> None:
        with self._stored(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            _insert(self._connection, found, batch)
        self._course.accept(found, batch)

    @contextmanager
    def _stored(self) -> Iterator[None]:
        try:
            with _told(self._path):
                yield
        except OSError as error:
            raise StorageError(self._path, error) from error


def _new(path: Path, first: Frame) -> None:
    """Made aside, then linked into place; raises OSError, sqlite3.Error."""
    sweep(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.partial-")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # against another run's sweep
        with closing(sqlite3.connect(name, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = MEMORY")  # nobody goes on with a scratch file
            connection.executescript(_SCHEMA)
            _insert(connection, first)
        os.fsync(descriptor)
        os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(descriptor)


def _insert(connection: sqlite3.Connection, found: Frame, batch: Batch | None = None) -> None:
    body, place = found.body, (None, None, None)
    if batch is not None:
        body, place = batch.sealed, (batch.number, batch.first, len(batch.records))  # type: ignore[assignment]  # none, or all
        connection.executemany(
            "INSERT INTO devices VALUES (?, ?, ?, ?)",
            (
                (position, record.registration_id, serial_of(record.certificate).hex(), record.certificate)
                for position, record in enumerate(batch.records, batch.first)
            ),
        )
    connection.execute(
        "INSERT INTO frames (kind, body, number, first, count, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (found.kind, body, *place, found.hash),
    )


def _seen(connection: sqlite3.Connection, path: Path, course: Course, seen: Callable[[Batch], None]) -> None:
    for found in _frames(connection, path, course):
        batch = course.accept(found)
        if batch is not None:
            seen(batch)


def _frames(connection: sqlite3.Connection, path: Path, course: Course) -> Generator[Frame, None, None]:
    if connection.execute("PRAGMA application_id").fetchone() != (_APPLICATION_ID,):
        raise BundleError(f"{path}: a database of another program, no bundle")
    rows = connection.execute("SELECT kind, body, number, first, count, hash FROM frames ORDER BY position")
    for kind, body, number, first, count, digest in rows:
        whole = _body(connection, number, first, count, body) if kind == BATCH else body
        found = Frame(kind, whole, digest)
        if not all(isinstance(part, bytes) for part in found) or not course.fits(found):
            raise DamagedBundleError(
                path, f"the frame after batch {course.batches - 1} is not what was written"
            )
        yield found
    if connection.execute("SELECT count(*) FROM devices").fetchone() != (course.records,):
        raise DamagedBundleError(path, "it holds devices that are in no batch")


def _body(connection: sqlite3.Connection, number: int, first: int, count: int, sealed: bytes) -> bytes:
    records = connection.execute(
        "SELECT registration_id, certificate FROM devices WHERE position >= ? AND position < ? "
        "ORDER BY position",
        (first, first + count),
    )
    return encode_batch(number, first, records, sealed)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{_escaped(path)}?mode=rw", uri=True, isolation_level=None, timeout=0)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _writing(path: Path) -> sqlite3.Connection:
    connection = _connected(path)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _escaped(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, or as the operating system's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _BUSY:
            raise BusyBundleError(f"{path}: another run writes it now") from error
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise OSError(errno.EIO, str(error)) from error
        raise DamagedBundleError(path, f"not what was written ({error})") from error
    except (TypeError, AttributeError, OverflowError, UnicodeEncodeError) as error:
        raise DamagedBundleError(path, "a row holds something else than was written") from error
