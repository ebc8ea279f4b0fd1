"""What a file says, row by row, as a small database: line, id and digest, in bounded memory for any number.

Made once for a file under some settings, before anything is sent: all faults of the whole file come to light
here. The documents are not kept; they are made again from the file when their turn comes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final

from provider.manifest import columns
from provider.manifest.entries import Entry, Refusal, certificate_refusal, entry
from provider.manifest.errors import SHOWN_FAULTS, ChangedFileError, UnreadableFileError
from provider.manifest.records import Record, Table, table
from provider.manifest.settings import Settings

_CHUNK_ROWS = 2000
_SCHEMA: Final = """
CREATE TABLE rows (line INTEGER PRIMARY KEY, id TEXT, digest TEXT, refusal TEXT);
"""
_DOUBLES: Final = """
SELECT id, MIN(line), GROUP_CONCAT(line, ', '), COUNT(*) FROM rows
WHERE id != '' GROUP BY id HAVING COUNT(*) > 1
"""

Known = Callable[[str, str], bool]
"""Whether the service holds the row with this id and digest already: then its certificate was looked at."""


def scan(path: Path, settings: Settings, target: Path, known: Known, today: datetime) -> None:
    """Read the whole file into `target`. Raises UnreadableFileError; then `target` is not made."""
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as base:
            base.executescript(
                "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8192;" + _SCHEMA
            )
            base.execute("BEGIN")
            with table(path) as opened:
                _fill(base, path, opened, settings, known, today)
            base.execute("CREATE INDEX ids ON rows (id)")
            _refuse_doubles(base, path)
            base.execute("COMMIT")
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def entries(path: Path, settings: Settings, lines: Iterator[tuple[int, str]]) -> Iterator[Entry]:
    """The rows at these lines (ascending, each with the digest that the scan saw), read from the file again.

    Raises ChangedFileError when the file has other rows by now.
    """
    with table(path) as opened:
        records = opened.records
        for line, digest in lines:
            record = next((each for each in records if each.line >= line), None)
            made = entry(record, settings) if record is not None and record.line == line else None
            if not isinstance(made, Entry) or made.digest != digest:
                raise ChangedFileError(
                    f"{path}, line {line}: the file was changed while it was read; run it again"
                )
            yield made


def _fill(
    base: sqlite3.Connection, path: Path, opened: Table, settings: Settings, known: Known, today: datetime
) -> None:
    if wrong := columns.faults(opened.columns, settings.attestation):
        raise UnreadableFileError(str(path), [f"line 1: {each}" for each in wrong])
    faults: list[str] = []
    hidden = 0
    rows = (_looked_at(record, settings, known, today) for record in opened.records)
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        for each in chunk:
            if isinstance(each, Refusal) and each.whole_file:
                hidden += len(faults) >= SHOWN_FAULTS
                faults += [f"line {each.line}: {each.key}: {each.reason}"] * (len(faults) < SHOWN_FAULTS)
        base.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", map(_row, chunk))
    if faults:
        raise UnreadableFileError(str(path), faults, hidden)


def _looked_at(record: Record, settings: Settings, known: Known, today: datetime) -> Entry | Refusal:
    made = entry(record, settings)
    if isinstance(made, Refusal) or known(made.key, made.digest):
        return made
    return certificate_refusal(made, today) or made


def _row(each: Entry | Refusal) -> tuple[int, str, str | None, str | None]:
    if isinstance(each, Entry):
        return each.line, each.key, each.digest, None
    return each.line, each.key, None, each.reason


def _refuse_doubles(base: sqlite3.Connection, path: Path) -> None:
    found = base.execute(f"SELECT * FROM ({_DOUBLES}) ORDER BY 2 LIMIT ?", (SHOWN_FAULTS,)).fetchall()  # noqa: S608 - our own text
    if not found:
        return
    (total,) = base.execute(f"SELECT COUNT(*) FROM ({_DOUBLES})").fetchone()  # noqa: S608 - our own text
    faults = [
        f"line {first}: {key} comes {times} times (lines {lines[:80]})" for key, first, lines, times in found
    ]
    raise UnreadableFileError(str(path), [*faults, *_ADVICE], total - len(found))


_ADVICE = ("registration ids are the same in any case; each once would be right",)
