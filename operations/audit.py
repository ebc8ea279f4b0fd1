"""The record of what was done to devices: JSON lines, appended, and on disk before a step begins.

Who may do what is the services' business (roles); the record says what Muster did: when, by whom (as the
caller says: the services' own logs know the identity), why, and which ETags were changed into which. It is
also what `enable` undoes from, so that it undoes our own doing and nobody else's.

A line cut short by `kill -9` or a full disk was never relied on: the next writer removes it. Any other damage
is an error, never passed over.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from operations.errors import AuditBusyError, AuditError

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far two machines' clocks may be apart before a record from the future means a clock set back."""

_FILE = 0o600
_DIRECTORY = 0o700


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line: something that began, is about to be changed, was changed, or ended.

    `operation` is shared by all lines of one disabling and its undoing. `facts` holds ids, hosts, statuses,
    ETags: nothing secret.
    """

    at: str
    action: str
    event: str
    operation: str
    service: str
    device: str
    who: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> bytes:
        """The line, with its end."""
        return (json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")) + "\n").encode()


class AuditLog:
    """A record in a file. `open` it to write; `entries` reads without waiting for a writer."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self.now = now

    def entries(self) -> tuple[Entry, ...]:
        """All lines so far; none when there is no file. Raises AuditError."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _storage(self.path, error) from error
        return tuple(_read(data[: data.rfind(b"\n") + 1], self.path))

    @contextmanager
    def open(self) -> Iterator[Writer]:
        """Write while the block runs, alone. Raises AuditBusyError, AuditError."""
        try:
            self.path.parent.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _FILE)
        except OSError as error:
            raise _storage(self.path, error) from error
        with os.fdopen(descriptor, "r+b") as file:
            _lock(file, self.path)
            _cut_torn_tail(file)
            entries = self.entries()
            _refuse_the_past(entries, self.now(), self.path)
            yield Writer(file, self.path, self.now, list(entries))


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a line is about, and on whose word."""

    action: str
    operation: str
    service: str
    device: str
    who: str
    reason: str


class Writer:
    """Appends to a record that is open. `entries` are all lines, those just written included."""

    def __init__(
        self, file: IO[bytes], path: Path, now: Callable[[], datetime], entries: list[Entry]
    ) -> None:
        self._file = file
        self._path = path
        self._now = now
        self.entries = entries

    def append(self, subject: Subject, event: str, **facts: Any) -> Entry:  # noqa: ANN401 - JSON
        """Add a line; on disk when this returns. Raises AuditError: then nothing may be done."""
        at = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        entry = Entry(at=at, event=event, facts=facts, **asdict(subject))
        try:
            self._file.write(entry.line())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _storage(self._path, error) from error
        self.entries.append(entry)
        return entry


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        raise AuditBusyError(f"another command writes to {path}; wait for it") from held


def _cut_torn_tail(file: IO[bytes]) -> None:
    data = file.read()
    whole = data.rfind(b"\n") + 1
    if whole != len(data):
        file.truncate(whole)


def _read(data: bytes, path: Path) -> Iterator[Entry]:
    for number, line in enumerate(data.splitlines(), 1):
        try:
            yield _entry(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise AuditError(
                f"{path}:{number}: no line of a record of operations; put the file back from a backup, or "
                "keep the record elsewhere (--record)"
            ) from error


def _entry(value: Any) -> Entry:  # noqa: ANN401 - whatever the line holds
    entry = Entry(**value)
    texts = {name: text for name, text in vars(entry).items() if name != "facts"}
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(entry.facts, dict):
        raise TypeError("a field has the wrong type")
    if datetime.fromisoformat(entry.at).tzinfo is None:
        raise ValueError("a time without a zone")
    return entry


def _refuse_the_past(entries: tuple[Entry, ...], now: datetime, path: Path) -> None:
    """A clock set back would make an old CRL fresh and the record a lie."""
    if entries and (last := datetime.fromisoformat(entries[-1].at)) > now + CLOCK_TOLERANCE:
        raise AuditError(
            f"the clock says {now:%Y-%m-%dT%H:%M:%SZ}, and the last line of {path} is of "
            f"{last:%Y-%m-%dT%H:%M:%SZ}: set the clock right"
        )


def _storage(path: Path, error: OSError) -> AuditError:
    return AuditError(f"{path}: {error.strerror or error}")
