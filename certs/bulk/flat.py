"""A bundle as one append-only file of frames, one fsync a batch."""

from __future__ import annotations

import fcntl
import glob
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from certs.bulk.course import END_TAIL, Course, Frame, ends_like_a_whole_one
from certs.bulk.errors import BundleError, BusyBundleError, DamagedBundleError, OccupiedError
from certs.bulk.frames import HASH_BYTES, HEAD, MAGIC, MAX_BODY, Batch
from certs.bulk.job import Job
from certs.errors import StorageError

_RECORD_BYTES = 1 << 14
"""More than a record, its sealed key included, ever has; bounds what may be cut as torn."""


def frames(path: Path, course: Course) -> Generator[Frame, None, None]:
    """The whole frames of a file that fit the course, which whoever reads has to `accept` one by one.

    Ends before a torn tail. Raises DamagedBundleError when what follows is more than a torn tail, BundleError
    when it is no bundle, OSError.
    """
    with path.open("rb") as file:
        yield from _frames(file, path, course)


class FlatWriter:
    """The one run that writes a file of frames. What it has appended is on disk."""

    def __init__(self, path: Path, file: BinaryIO, course: Course) -> None:
        self._path = path
        self._file = file
        self._course = course
        self._end = file.tell()
        self.cut = 0

    @classmethod
    def create(cls, path: Path, job: Job) -> FlatWriter:
        """A new bundle, which is there with its start or not at all; raises OccupiedError, StorageError."""
        course = Course()
        first = course.next_start(job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep(path)
            file = _linked(path, MAGIC + _encoded(first))
        except FileExistsError as error:
            raise OccupiedError(f"{path} exists; a bundle is never overwritten") from error
        except OSError as error:
            raise StorageError(path, error) from error
        course.accept(first)
        return cls(path, file, course)

    @classmethod
    def resume(cls, path: Path, seen: Callable[[Batch], None]) -> FlatWriter:
        """Go on with a bundle: every whole batch is shown to `seen`, and a torn tail is cut.

        Raises BusyBundleError, DamagedBundleError, BundleError, StorageError, and what `seen` raises.
        """
        try:
            file = path.open("r+b", buffering=0)
        except OSError as error:
            raise StorageError(path, error) from error
        try:
            return cls._resumed(path, file, seen)
        except BaseException:
            file.close()
            raise

    @classmethod
    def _resumed(cls, path: Path, file: BinaryIO, seen: Callable[[Batch], None]) -> FlatWriter:
        _hold(file, path)
        course = Course()
        try:
            with path.open("rb") as reading:
                for found in _frames(reading, path, course):
                    batch = course.accept(found)
                    if batch is not None:
                        seen(batch)
                whole = reading.tell()
            if course.job is None:
                raise BundleError(f"{path}: no bundle (it does not begin as one)")
            sweep(path)
            cut = file.seek(0, os.SEEK_END) - whole
            file.seek(whole)
            writer = cls(path, file, course)
            writer._cut_back()
        except OSError as error:
            raise StorageError(path, error) from error
        except ValueError as error:
            raise DamagedBundleError(path, str(error)) from error
        writer.cut = cut
        return writer

    @property
    def course(self) -> Course:
        """How far the bundle goes."""
        return self._course

    def batches(self) -> Iterator[Batch]:
        """What the bundle holds so far; raises DamagedBundleError, OSError."""
        course = Course()
        for found in frames(self._path, course):
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
        """Append the end; raises StorageError."""
        self._append(self._course.next_end())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _append(self, found: Frame, batch: Batch | None = None) -> None:
        try:
            _write_all(self._file, _encoded(found))
            os.fsync(self._file.fileno())
        except OSError as error:
            self._cut_back()
            raise StorageError(self._path, error) from error
        self._end = self._file.tell()
        self._course.accept(found, batch)

    def _cut_back(self) -> None:
        self._file.truncate(self._end)
        self._file.seek(self._end)
        os.fsync(self._file.fileno())


def sweep(path: Path) -> None:
    """Remove what killed runs left behind while they made this bundle; what a living one holds stays."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.partial-*"):
        if path.exists() and left.samefile(path):
            # Killed between link(2) and the unlink that follows: the bundle's other name, whose lock is ours.
            left.unlink(missing_ok=True)
            continue
        with left.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            left.unlink(missing_ok=True)


def _frames(file: BinaryIO, path: Path, course: Course) -> Generator[Frame, None, None]:
    size = os.fstat(file.fileno()).st_size
    if file.read(len(MAGIC)) != MAGIC:
        raise BundleError(f"{path}: no bundle (it does not begin as one)")
    while (at := file.tell()) < size:
        found = _next(file)
        if found is None or not course.fits(found):
            _judge(file, path, course, at, size)
            file.seek(at)
            return
        yield found


def _next(file: BinaryIO) -> Frame | None:
    """The next frame when all its bytes are there."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    kind, length = HEAD.unpack(head)
    if length > MAX_BODY:
        return None
    body, digest = file.read(length), file.read(HASH_BYTES)
    return Frame(kind, body, digest) if len(digest) == HASH_BYTES else None


def _judge(file: BinaryIO, path: Path, course: Course, at: int, size: int) -> None:
    """What stands from `at` on is no whole frame: torn while it was written, or changed since?

    Raises DamagedBundleError when it cannot be the one frame that a killed run was writing.
    """
    where = f"the frame at byte {at} (after batch {course.batches - 1})"
    if course.job is None:
        raise DamagedBundleError(path, f"{where} is not what was written")
    follows = file.tell() < size
    file.seek(max(0, size - END_TAIL))
    if course.ended or follows or ends_like_a_whole_one(file.read(END_TAIL)):
        raise DamagedBundleError(path, f"{where} is not what was written")
    if size - at > course.job.batch * _RECORD_BYTES + (1 << 16):
        raise DamagedBundleError(path, f"{where} is not what was written, and too much follows it")


def _encoded(found: Frame) -> bytes:
    return b"".join((HEAD.pack(found.kind, len(found.body)), found.body, found.hash))


def _linked(path: Path, data: bytes) -> BinaryIO:
    """A new file with this content, held, that appears under its name whole; raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.partial-")
    file = os.fdopen(descriptor, "r+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        _write_all(file, data)
        os.fsync(descriptor)
        # link(2) refuses a name that is taken: of two runs that begin at once, one wins.
        os.link(name, path)
        _sync(path.parent)
    except BaseException:
        file.close()
        raise
    finally:
        Path(name).unlink(missing_ok=True)
    return file


def _write_all(file: BinaryIO, data: bytes) -> None:
    """A write may take a part only (a disk that fills up); the next one then tells why."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _hold(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BusyBundleError(f"{path}: another run writes it now") from error


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
