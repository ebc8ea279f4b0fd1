"""What this machine knows to be in the service: id, digest of the row, and ETag where it was seen. SQLite.

Written before and after each call, and on the disk before the next one: a row is marked as in doubt before it
is sent, and as held when the answer is there. So after `kill -9` only rows in doubt have to be asked for. Its
`base` is the revision that it was complete for, `target` the one that a run is (or was) working towards."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from provider.manifest.deciding import Item, Kind, Live, Outcome
from provider.manifest.errors import LedgerError

CHUNK_ROWS = 500
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS rows (
    id TEXT PRIMARY KEY, digest TEXT, etag TEXT, revoked INTEGER NOT NULL DEFAULT 0, attestation TEXT,
    doubt INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (id TEXT PRIMARY KEY, line INTEGER, reason TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_FRESH: Final = "INSERT OR REPLACE INTO fresh VALUES (?, ?, ?, ?, ?, 0)"
_PRESENT: Final = """
SELECT s.line, s.id, s.digest, l.id, l.digest, l.etag, l.revoked, l.attestation, l.doubt
FROM scan.rows s LEFT JOIN rows l ON l.id = s.id
WHERE s.line > ? AND s.refusal IS NULL AND (l.id IS NULL OR l.doubt OR l.digest IS NOT s.digest)
ORDER BY s.line LIMIT ?
"""
_ABSENT: Final = """
SELECT l.id, l.digest, l.etag, l.revoked, l.attestation, l.doubt
FROM rows l WHERE l.id > ? AND NOT EXISTS (SELECT 1 FROM scan.rows s WHERE s.id = l.id) ORDER BY l.id LIMIT ?
"""
_COUNTS: Final = """
SELECT COUNT(*), COUNT(s.refusal),
       COUNT(*) FILTER (WHERE s.refusal IS NULL AND l.digest IS s.digest AND NOT l.doubt),
       COUNT(*) FILTER (WHERE s.refusal IS NULL AND l.digest IS NULL),
       COUNT(*) FILTER (WHERE s.refusal IS NULL AND l.digest IS NOT NULL AND l.digest IS NOT s.digest)
FROM scan.rows s LEFT JOIN rows l ON l.id = s.id
"""
_LOST: Final = """
SELECT COUNT(*) FROM rows r WHERE digest NOT NULL AND NOT doubt
AND NOT EXISTS (SELECT 1 FROM fresh f WHERE f.id = r.id AND f.digest = r.digest)
"""
_REFUSED: Final = """
SELECT line, id, refusal FROM scan.rows WHERE refusal NOT NULL
UNION ALL SELECT line, id, reason FROM refused ORDER BY 1
"""


class Counts(NamedTuple):
    """A file beside the ledger, in rows: `refused` by ourselves, `held` by the service as they should be."""

    rows: int
    refused: int
    held: int
    added: int
    changed: int
    removed: int
    known: int

    @property
    def looks(self) -> int:
        """Rows whose enrollment must be looked at before it is touched."""
        return self.changed + self.removed


class Todo(NamedTuple):
    """A row of the file (or `line` 0: of the ledger alone) that is not as it should be."""

    line: int
    key: str
    digest: str
    known: bool
    doubt: bool
    live: Live | None


class Ledger:
    """The rows of one manifest. For one thread; close it."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        try:
            self._prepare()
        except sqlite3.Error:
            self._base.close()
            raise

    def _prepare(self) -> None:
        self._base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;")
        self._base.executescript(_SCHEMA)

    def close(self) -> None:
        """Give back the file."""
        self._base.close()

    # What it is worth

    def get(self, key: str) -> str:
        """A note: base, target, total, sent."""
        found = self._base.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def note(self, **values: str) -> None:
        """Keep notes, all or none."""
        self._base.execute("BEGIN IMMEDIATE")
        self._base.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
        self._base.execute("COMMIT")

    def forget(self) -> None:
        """Know nothing any more."""
        self._base.executescript("BEGIN; DELETE FROM rows; DELETE FROM refused; DELETE FROM meta; COMMIT;")

    def holds(self, key: str, digest: str) -> bool:
        """Whether the service was seen to hold this row like this."""
        found = self._base.execute("SELECT digest, doubt FROM rows WHERE id = ?", (key,)).fetchone()
        return found is not None and found[0] == digest and not found[1]

    def sample(self, rows: int) -> list[tuple[str, str]]:
        """Some rows that are not in doubt, from all over the ids, with their digests."""
        asked = "SELECT id, digest FROM rows WHERE NOT doubt AND digest NOT NULL ORDER BY "
        spread = self._base.execute(f"{asked} id LIMIT ?", (rows,)).fetchall()
        spread += self._base.execute(f"{asked} id DESC LIMIT ?", (rows,)).fetchall()
        return [(str(key), str(digest)) for key, digest in dict(spread).items()]

    def first(self, scan: Path, rows: int) -> list[str]:
        """The ids of the first rows of a file."""
        asked = "SELECT id FROM scan.rows WHERE refusal IS NULL ORDER BY line LIMIT ?"
        with _attached(self._base, scan):
            return [str(key) for (key,) in self._base.execute(asked, (rows,)).fetchall()]

    def every(self) -> list[Todo]:
        """All rows; for few."""
        found = self._base.execute("SELECT id, digest FROM rows ORDER BY id").fetchall()
        return [
            Todo(0, str(key), str(digest or ""), known=True, doubt=False, live=None) for key, digest in found
        ]

    def count(self) -> int:
        """The rows that are, or may be, in the service."""
        return int(self._base.execute("SELECT COUNT(*) FROM rows").fetchone()[0])

    # What is to be done

    def compare(self, scan: Path) -> Counts:
        """The file that a scan has read, beside what is known."""
        with _attached(self._base, scan):
            rows, refused, held, added, changed = self._base.execute(_COUNTS).fetchone()
            absent = (
                "SELECT COUNT(*) FROM rows l WHERE NOT EXISTS (SELECT 1 FROM scan.rows s WHERE s.id = l.id)"
            )
            (removed,) = self._base.execute(absent).fetchone()
        return Counts(rows, refused, held, added, changed, removed, self.count())

    def present(self, scan: Path) -> Iterator[Todo]:
        """Rows of the file that are to be made, changed or asked for, in the file's order."""
        last = 0
        while found := self._chunk(scan, _PRESENT, last):
            last = found[-1][0]
            for line, key, digest, known, *row in found:
                yield Todo(line, key, digest, known is not None, bool(row[-1]), _live(row))

    def absent(self, scan: Path | None) -> Iterator[Todo]:
        """Rows that are known and that the file (None: any file) does not have."""
        last = ""
        while found := self._chunk(scan, _ABSENT, last):
            last = found[-1][0]
            for key, *row in found:
                yield Todo(0, key, "", True, bool(row[-1]), _live(row))

    def _chunk(self, scan: Path | None, query: str, after: int | str) -> list[tuple[Any, ...]]:
        # Attached for a moment only: between two chunks outcomes are written.
        with _attached(self._base, scan):
            found: list[tuple[Any, ...]] = self._base.execute(query, (after, CHUNK_ROWS)).fetchall()
            return found

    # What was done

    def write(self, outcomes: Iterable[Outcome], intents: Iterable[Item]) -> None:
        """Keep how rows ended, and that others are about to be sent. On the disk when this returns."""
        self._base.execute("BEGIN IMMEDIATE")
        for each in outcomes:
            for statement, values in _SETTLED[each.kind](each):
                self._base.execute(statement, values)
        keys = [(each.key,) for each in intents]
        self._base.executemany("INSERT OR IGNORE INTO rows (id) VALUES (?)", keys)
        self._base.executemany("UPDATE rows SET doubt = 1 WHERE id = ?", keys)
        if keys:
            self._base.execute("INSERT OR REPLACE INTO meta VALUES ('sent', ?)", (str(time.time()),))
        self._base.execute("COMMIT")

    def doubts(self) -> int:
        """Rows that were about to be sent when the last run ended."""
        return int(self._base.execute("SELECT COUNT(*) FROM rows WHERE doubt").fetchone()[0])

    def forget_refused(self) -> None:
        """A new run refuses anew."""
        self._base.execute("DELETE FROM refused")

    def refusals(self) -> int:
        """How many rows the service has refused in this run."""
        return int(self._base.execute("SELECT COUNT(*) FROM refused").fetchone()[0])

    def own_refusals(self, scan: Path) -> Iterator[tuple[int, str, str]]:
        """Line, id and reason of the rows that are refused before anything is sent, some of them."""
        asked = "SELECT line, id, refusal FROM scan.rows WHERE refusal NOT NULL ORDER BY 1 LIMIT ?"
        with _attached(self._base, scan):
            yield from self._base.execute(asked, (CHUNK_ROWS,)).fetchall()

    def refused(self, scan: Path) -> Iterator[tuple[int, str, str]]:
        """Line, id and reason of every refused row, by line: ours and the service's. Read it to its end."""
        with _attached(self._base, scan):
            yield from self._base.execute(_REFUSED)

    # Knowing it anew

    def rebuild(self, pages: Iterable[Iterable[tuple[str, Live]]]) -> int:
        """Put what the service says in place of what was known; when it breaks off, all stays as it was.

        Returns how many rows the service does not hold any more as they were known.
        """
        self._base.executescript(
            "DROP TABLE IF EXISTS fresh; CREATE TABLE fresh AS SELECT * FROM rows WHERE 0;"
        )
        self._base.execute("CREATE UNIQUE INDEX fresh_ids ON fresh (id)")
        for page in pages:
            rows = [(key, it.digest, it.etag, it.revoked, it.attestation) for key, it in page]
            self._base.execute("BEGIN IMMEDIATE")
            self._base.executemany(_FRESH, rows)
            self._base.execute("COMMIT")
        (lost,) = self._base.execute(_LOST).fetchone()
        self._base.executescript(
            "BEGIN; DELETE FROM rows; INSERT INTO rows SELECT * FROM fresh; DROP TABLE fresh; COMMIT;"
        )
        return int(lost)


@contextmanager
def opened(path: Path) -> Iterator[Ledger]:
    """The ledger in this file, which is made when there is none. Raises LedgerError, for scans, too."""
    try:
        ledger = Ledger(path)
        try:
            yield ledger
        finally:
            ledger.close()
    except sqlite3.Error as error:
        raise LedgerError(
            f"{path} or a file beside it cannot be used ({error}); is there space on the disk? They may be "
            "deleted: what they know is then read from the service again"
        ) from error


class _attached:  # noqa: N801 - a context manager, used like a function
    def __init__(self, base: sqlite3.Connection, scan: Path | None) -> None:
        self._base = base
        self._name = str(scan) if scan else ":memory:"
        self._empty = scan is None

    def __enter__(self) -> None:
        self._base.execute("ATTACH ? AS scan", (self._name,))
        if self._empty:
            self._base.execute("CREATE TABLE scan.rows (line, id, digest, refusal)")

    def __exit__(self, *_: object) -> None:
        self._base.execute("DETACH scan")


def _live(row: list[object]) -> Live | None:
    digest, etag, revoked, attestation, doubt = row
    if doubt or not etag:
        return None  # not seen since it was sent
    return Live(str(etag), True, str(digest or ""), bool(revoked), str(attestation or "none"))


_Statements = list[tuple[str, tuple[object, ...]]]
_CLEAR: Final = "UPDATE rows SET doubt = 0 WHERE id = ?"
_NEVER_WAS: Final = "DELETE FROM rows WHERE id = ? AND digest IS NULL"


def _held(each: Outcome) -> _Statements:
    return [("INSERT OR REPLACE INTO rows (id, digest) VALUES (?, ?)", (each.key, each.digest))]


def _gone(each: Outcome) -> _Statements:
    return [("DELETE FROM rows WHERE id = ?", (each.key,))]


def _unsent(each: Outcome) -> _Statements:
    return [(_NEVER_WAS, (each.key,)), (_CLEAR, (each.key,))]


def _refused(each: Outcome) -> _Statements:
    kept = ("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", (each.key, each.line, each.reason))
    return [*_unsent(each), kept]


_SETTLED: Final[dict[Kind, Callable[[Outcome], _Statements]]] = {
    Kind.HELD: _held,
    Kind.GONE: _gone,
    Kind.UNSENT: _unsent,
    Kind.REFUSED: _refused,
    Kind.DOUBT: lambda _: [],
}
