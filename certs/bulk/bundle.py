"""Bundles: read and verified batch by batch, whether a file of frames or SQLite holds them.

Nothing in an unfinished bundle has left the factory yet, as readers refuse it. So when a run ends early, what
stands after the last whole frame can be cut: no device has it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from certs.bulk import flat, tables
from certs.bulk.course import Course, Frame
from certs.bulk.errors import BundleError, DamagedBundleError, UnfinishedBundleError
from certs.bulk.frames import Batch, Record
from certs.bulk.job import Job
from certs.errors import StorageError

__all__ = ["Batch", "Bundle", "Job", "Record"]


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read through once and is what was written.

    `head` is the hash of its last frame: noted elsewhere, it shows later that nothing was changed or removed.
    """

    path: Path
    job: Job
    records: int
    finished: bool
    head: bytes
    notes: int

    @classmethod
    def open(cls, path: Path, unfinished: bool = False) -> Bundle:
        """Read and verify all of it.

        Raises UnfinishedBundleError (unless `unfinished`, which gives the whole batches there are),
        DamagedBundleError, BundleError (no bundle), StorageError.
        """
        course = Course()
        for _ in _walk(path, course):
            pass
        if course.job is None:
            raise BundleError(f"{path}: no bundle (it does not begin as one)")
        if not (course.ended or unfinished):
            raise UnfinishedBundleError(
                f"{path}: {course.records} of {course.job.count} devices; its run has not ended: "
                "go on with `muster certs bulk --resume` first"
            )
        return cls(path, course.job, course.records, course.ended, course.head, len(course.notes))

    @staticmethod
    def batches(path: Path, unfinished: bool = False) -> Iterator[Batch]:
        """Every batch, in order; all of the bundle was verified before the first. Raises as `open`."""
        Bundle.open(path, unfinished)
        yield from _walk(path, Course())


def _walk(path: Path, course: Course) -> Iterator[Batch]:
    """The batches, while the course goes on; raises DamagedBundleError, BundleError, StorageError."""
    try:
        with closing(_frames(path, course)) as frames:
            for found in frames:
                batch = course.accept(found)
                if batch is not None:
                    yield batch
    except OSError as error:
        raise StorageError(path, error) from error
    except ValueError as error:
        raise DamagedBundleError(path, str(error)) from error


def _frames(path: Path, course: Course) -> Generator[Frame, None, None]:
    return tables.frames(path, course) if tables.is_database(path) else flat.frames(path, course)


def job_of(path: Path) -> Job:
    """What a bundle was begun for; the rest of it is not read. Raises BundleError, StorageError."""
    course = Course()
    try:
        with closing(_frames(path, course)) as frames:
            for found in frames:
                course.accept(found)
                break
    except OSError as error:
        raise StorageError(path, error) from error
    except ValueError as error:
        raise DamagedBundleError(path, str(error)) from error
    if course.job is None:
        raise BundleError(f"{path}: no bundle (it does not begin as one)")
    return course.job
