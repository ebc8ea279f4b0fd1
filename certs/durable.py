"""Files and directories that are whole or not there: written aside, flushed, renamed into place."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certs.errors import ExistsError, StorageError

PUBLIC_FILE = 0o644
PRIVATE_FILE = 0o600
PUBLIC_DIRECTORY = 0o755
PRIVATE_DIRECTORY = 0o700

_MARK = ".partial-"


def write(path: Path, data: bytes, mode: int) -> None:
    """Write a file so that a reader sees all of it or none, also after a power cut; raises StorageError."""
    try:
        # mkstemp makes the file 0600 from the start: a private key is never readable by others, not even
        # briefly.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}{_MARK}")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(path.parent)
    except OSError as error:
        raise StorageError(path, error) from error


def make_directory(path: Path, mode: int) -> None:
    """Make a directory and those above it, if they are not there; raises StorageError."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(path, error) from error


def refuse_existing(path: Path, what: str) -> None:
    """Raise ExistsError when something stands at `path`, be it a link that leads nowhere."""
    if path.exists() or path.is_symlink():
        raise ExistsError(path, what)


def new_file(path: Path, data: bytes, mode: int, what: str) -> None:
    """Write a file that must not be there yet; raises ExistsError, StorageError."""
    refuse_existing(path, what)
    make_directory(path.parent, PUBLIC_DIRECTORY)
    write(path, data, mode)


@contextmanager
def new_directory(target: Path, mode: int, what: str) -> Iterator[Path]:
    """Yield a scratch directory that becomes `target` when the block ends well, and vanishes if not.

    After `kill -9` the scratch directory stays beside the target, under a name that nothing reads; the next
    call for the same target removes it. `what` names the content in the ExistsError that is raised when
    `target` is there and not empty. Raises StorageError when the file system refuses.
    """
    try:
        _refuse_occupied(target, what)
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}{_MARK}"))
    except OSError as error:
        raise StorageError(target, error) from error
    lock = _hold(scratch)
    try:
        yield scratch
        _commit(scratch, target, mode, what)
    finally:
        os.close(lock)
        shutil.rmtree(scratch, ignore_errors=True)


def _commit(scratch: Path, target: Path, mode: int, what: str) -> None:
    try:
        scratch.chmod(mode)
        _sync(scratch)
        _refuse_occupied(target, what)
        # rename(2) replaces an empty directory and refuses any other: two writers cannot both win.
        scratch.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise StorageError(target, error) from error


def _refuse_occupied(target: Path, what: str) -> None:
    if (
        target.is_symlink()
        or (target.exists() and not target.is_dir())
        or (target.is_dir() and any(target.iterdir()))
    ):
        raise ExistsError(target, what)


def _sweep(target: Path) -> None:
    """Remove what killed runs left behind; a scratch directory whose maker lives is locked, and stays."""
    for left in target.parent.glob(f".{target.name}{_MARK}*"):
        descriptor = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(descriptor)


def _hold(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
