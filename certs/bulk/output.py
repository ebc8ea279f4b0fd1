"""Where a run writes to: a file of frames, or SQLite when the name says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from certs.bulk import tables
from certs.bulk.course import Course
from certs.bulk.flat import FlatWriter
from certs.bulk.frames import Batch
from certs.bulk.job import Job
from certs.bulk.tables import TableWriter
from certs.errors import StorageError


class Writer(Protocol):
    """The one run that writes a bundle. What it has appended is on disk."""

    cut: int
    """Bytes of an unfinished batch that were cut when it was opened again."""

    @property
    def course(self) -> Course:
        """How far the bundle goes."""
        ...

    def batches(self) -> Iterator[Batch]:
        """What the bundle holds so far."""
        ...

    def note(self, note: Mapping[str, Any]) -> None:
        """Append a note."""
        ...

    def append(self, body: bytes, batch: Batch) -> None:
        """Append a batch, whose body was decoded already."""
        ...

    def finish(self) -> None:
        """Append the end."""
        ...

    def close(self) -> None:
        """Let go of the output."""
        ...


def create(path: Path, job: Job) -> Writer:
    """A new bundle; raises OccupiedError, StorageError."""
    return (TableWriter if path.suffix in tables.SUFFIXES else FlatWriter).create(path, job)


def resume(path: Path, seen: Callable[[Batch], None]) -> Writer:
    """Go on with the bundle that is there: every whole batch is shown to `seen`, what is torn is cut.

    Raises BusyBundleError, DamagedBundleError, BundleError, StorageError, and what `seen` raises.
    """
    try:
        database = tables.is_database(path)
    except OSError as error:
        raise StorageError(path, error) from error
    return (TableWriter if database else FlatWriter).resume(path, seen)
