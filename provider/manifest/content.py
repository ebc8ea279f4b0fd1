"""Is the file the one that the program hashed? Answered without reading it twice.

A file whose size, times and inode are those of the last time has the content of the last time (git's index
trusts the same); what is younger than a moment is read again, as a clock's tick may hide a change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Final

from provider.manifest.errors import ChangedFileError, UnreadableFileError

PREFIX: Final = "sha256:"
_SETTLED_NS = 2_000_000_000


def verify(path: Path, expected: str, known: Path) -> None:
    """Raise ChangedFileError unless the file has that hash. `known` is a file of our own that remembers."""
    found = content_hash(path, known)
    if found != expected:
        raise ChangedFileError(
            f"{path} is not the file that the program read: its content is {found}, the program says "
            f"{expected}. Something wrote to it in between; run it again when that is done"
        )


def content_hash(path: Path, known: Path) -> str:
    """`sha256:…` of the file's bytes."""
    try:
        stamp = _stamp(path)
        remembered = _remembered(known)
        if (found := remembered.get(str(path))) is not None and found["stamp"] == stamp:
            return str(found["hash"])
        with path.open("rb") as file:
            value = PREFIX + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFileError(str(path), [f"cannot be opened: {error.strerror}"]) from None
    if _stamp(path) == stamp and time.time_ns() - max(stamp[1], stamp[2]) > _SETTLED_NS:
        _remember(known, {**remembered, str(path): {"stamp": stamp, "hash": value}})
    return value


def _stamp(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _remembered(known: Path) -> dict[str, dict[str, object]]:
    try:
        found = json.loads(known.read_bytes())
    except (OSError, ValueError):
        return {}  # only a memory: without it the file is read
    return found if isinstance(found, dict) else {}


def _remember(known: Path, entries: dict[str, dict[str, object]]) -> None:
    fresh = known.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        fresh.write_text(json.dumps(entries))
        fresh.replace(known)
