"""The local cloud's memory: JSON documents in one SQLite file.

Documents are found by kind and key (`("device", "hub.azure-devices.net/pump-1")`). The file is in write-ahead
mode, so it survives `kill -9`; `synchronous=NORMAL` may lose the last commits on a power cut, never
consistency (https://www.sqlite.org/pragma.html#pragma_synchronous). One process and one thread use a store.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
  kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "busy_timeout=5000")
_PAST_EVERY_KEY = "\U0010ffff"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().decode


class Store:
    """Documents by kind and key. Every write outside a `transaction` commits at once.

    `path` is the database file (made when missing, mode 0600) or ":memory:" for tests.
    """

    def __init__(self, path: Path | str) -> None:
        if str(path) != ":memory:":
            Path(path).touch(mode=0o600)
        self._database = sqlite3.connect(str(path), isolation_level=None, cached_statements=64)
        self._depth = 0
        try:
            self._prepare()
        except sqlite3.Error:
            self.close()
            raise

    def _prepare(self) -> None:
        for pragma in _PRAGMAS:
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(_SCHEMA)

    def get(self, kind: str, key: str) -> Document | None:
        """The document, a fresh copy the caller may change; None when there is none."""
        query = "SELECT body FROM document WHERE kind = ? AND key = ?"
        row = self._database.execute(query, (kind, key)).fetchone()
        return None if row is None else _decode(row[0])

    def put(self, kind: str, key: str, document: Document) -> None:
        """Create or replace a document."""
        statement = "INSERT OR REPLACE INTO document (kind, key, body) VALUES (?, ?, ?)"
        self._database.execute(statement, (kind, key, _encode(document)))

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False when there was none."""
        statement = "DELETE FROM document WHERE kind = ? AND key = ?"
        return self._database.execute(statement, (kind, key)).rowcount > 0

    def page(self, kind: str, prefix: str, after: str, limit: int) -> list[tuple[str, Document]]:
        """Of the keys that start with `prefix` and come after `after`, the first `limit`, sorted by key."""
        query = "SELECT key, body FROM document WHERE kind = ? AND key > ? AND key < ? ORDER BY key LIMIT ?"
        first = max(prefix, after)  # no key is the bare prefix: an id follows it
        rows = self._database.execute(query, (kind, first, prefix + _PAST_EVERY_KEY, limit))
        return [(key, _decode(body)) for key, body in rows]

    def list(self, kind: str, prefix: str = "") -> list[tuple[str, Document]]:
        """Keys that start with `prefix` and their documents, sorted by key."""
        query = "SELECT key, body FROM document WHERE kind = ? AND key >= ? AND key < ? ORDER BY key"
        rows = self._database.execute(query, (kind, prefix, prefix + _PAST_EVERY_KEY))
        return [(key, _decode(body)) for key, body in rows]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside, or none. Nested: an inner failure that is caught undoes the inner writes."""
        point = f"level{self._depth}"
        self._database.execute("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT {point}")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            self._undo(point)
            raise
        self._depth -= 1
        self._database.execute("COMMIT" if self._depth == 0 else f"RELEASE {point}")

    def _undo(self, point: str) -> None:
        if self._depth == 0:
            self._database.execute("ROLLBACK")
        else:
            self._database.execute(f"ROLLBACK TO {point}")
            self._database.execute(f"RELEASE {point}")

    def close(self) -> None:
        """Release the file."""
        self._database.close()
