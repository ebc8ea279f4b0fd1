"""An append-only log of what was done: JSON lines, each chained to the one before by SHA-256.

Who changes, removes or reorders a line breaks the chain, which `verify` finds. Cutting the end leaves a good
chain: against that, note the head (`Ledger.head`) elsewhere now and then, and give it to `verify`.

A line is `{"number", "at", "event", "facts", "previous", "hash"}`; the hash is over the other five, as
compact JSON with sorted keys in UTF-8. A last line without its newline was never acknowledged (the process
was killed while writing) and is cut by the next `append`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from certs import durable
from certs.errors import ClockError, StorageError, TamperedError

START = "0" * 64
"""What the first line is chained to."""

_BLOCK = 65536


@dataclass(frozen=True)
class Line:
    """One thing that was done."""

    number: int
    at: datetime
    event: str
    facts: dict[str, Any]
    hash: str


class Ledger:
    """A ledger in one file; the file is made with the first line, mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: str, now: datetime | None = None, **facts: str | int | None) -> Line:
        """Write one line, durably; it is there whole or not at all.

        Raises ClockError when the clock stands before the last line, TamperedError when that is damaged,
        StorageError.
        """
        at = (now or datetime.now(UTC)).astimezone(UTC)
        try:
            with self._opened() as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                last = _last(file, self.path)
                self._refuse_set_back(last, at)
                number, previous = (last.number + 1, last.hash) if last else (1, START)
                body = _body(number, at, event, facts, previous)
                line = {**body, "hash": _hash(body)}
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(self.path, error) from error
        return Line(number, at, event, dict(facts), str(line["hash"]))

    def check(self, now: datetime | None = None) -> None:
        """Raise what `append` would: do it before what is to be told of is done."""
        self._refuse_set_back(self._newest(), (now or datetime.now(UTC)).astimezone(UTC))

    def lines(self) -> Iterator[Line]:
        """Every line, checked as it is read; raises TamperedError at the first that was changed."""
        previous, number = START, 0
        for number, raw in enumerate(self._raw(), start=1):
            line = _read(raw, number, previous, self.path)
            previous = line.hash
            yield line

    def verify(self, head: str | None = None) -> tuple[int, str]:
        """The number of lines and the head, when the whole chain holds and has `head` in it.

        Raises TamperedError, naming the line.
        """
        number, last, found = 0, START, head is None or head == START
        for line in self.lines():
            number, last = line.number, line.hash
            found = found or last == head
        if not found:
            raise TamperedError(
                f"{self.path}: the head {head} that was noted elsewhere is not in it: lines were cut off or "
                "replaced"
            )
        return number, last

    def head(self) -> str:
        """The hash of the last line; raises TamperedError when that line is damaged."""
        last = self._newest()
        return last.hash if last else START

    def _newest(self) -> Line | None:
        try:
            with self.path.open("rb") as file:
                return _last(file, self.path, cut=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(self.path, error) from error

    def _refuse_set_back(self, last: Line | None, at: datetime) -> None:
        if last is not None and at < last.at:
            raise ClockError(
                f"the clock says {_text(at)}, but {self.path} has a line of {_text(last.at)}: set the clock"
            )

    def _opened(self) -> BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, durable.PRIVATE_FILE)
        return os.fdopen(descriptor, "r+b")

    def _raw(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                for raw in file:
                    if raw.endswith(b"\n"):  # else: torn, and never acknowledged
                        yield raw
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(self.path, error) from error


def _last(file: BinaryIO, path: Path, *, cut: bool = True) -> Line | None:
    """The last whole line; with `cut` what follows it is removed, and the file stands at its end."""
    end = _end_of_lines(file)
    if cut:
        file.truncate(end)
    start = _start_of_line(file, end)
    file.seek(start)
    raw = file.read(end - start)
    file.seek(end)
    return _read(raw, None, None, path) if raw else None


def _end_of_lines(file: BinaryIO) -> int:
    """Where the last newline ends; 0 when there is none."""
    return _after_newline(file, file.seek(0, os.SEEK_END))


def _start_of_line(file: BinaryIO, end: int) -> int:
    """Where the line that ends at `end` begins."""
    return _after_newline(file, max(end - 1, 0))


def _after_newline(file: BinaryIO, before: int) -> int:
    while before > 0:
        begin = max(0, before - _BLOCK)
        file.seek(begin)
        found = file.read(before - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        before = begin
    return 0


def _read(raw: bytes, number: int | None, previous: str | None, path: Path) -> Line:
    where = f"{path}, line {number}" if number is not None else f"{path}, last line"
    try:
        document = json.loads(raw)
        body = {name: document[name] for name in ("number", "at", "event", "facts", "previous")}
        sound = len(document) == 6 and _hash(body) == document["hash"]
        line = Line(
            int(body["number"]),
            datetime.fromisoformat(body["at"]),
            str(body["event"]),
            dict(body["facts"]),
            str(document["hash"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise TamperedError(f"{where}: no line of a ledger; restore it from a copy") from error
    if not sound:
        raise TamperedError(f"{where}: was changed after it was written (its hash does not fit)")
    if (number is not None and line.number != number) or (
        previous is not None and body["previous"] != previous
    ):
        raise TamperedError(f"{where}: does not follow the line before it: lines were removed or moved")
    return line


def _body(number: int, at: datetime, event: str, facts: dict[str, Any], previous: str) -> dict[str, Any]:
    return {"number": number, "at": _text(at), "event": event, "facts": facts, "previous": previous}


def _hash(body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
