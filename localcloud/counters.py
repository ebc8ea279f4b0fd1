"""Counts that outlive a restart: refusals by reason, telemetry by device.

Documents of kind "counter": key `{dps name}/{reason}` or `{hub host}/{device id}`, body {"count": n}.
"""

from collections import defaultdict

from localcloud.store import Store


class Counters:
    """Adds up in memory, so that counting costs a message nothing; `flush` writes, once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: defaultdict[str, int] = defaultdict(int)

    def add(self, key: str, count: int = 1) -> None:
        """Count something up."""
        self._pending[key] += count

    def value(self, key: str) -> int:
        """How many so far, written or not."""
        return self._written(key) + self._pending.get(key, 0)

    def all(self) -> dict[str, int]:
        """Every count, written or not."""
        self.flush()
        return {key: int(it["count"]) for key, it in self._store.list("counter")}

    def flush(self) -> None:
        """Write what was counted since the last flush, in one transaction."""
        if not self._pending:
            return
        with self._store.transaction():
            for key, count in self._pending.items():
                self._store.put("counter", key, {"count": self._written(key) + count})
        self._pending.clear()

    def _written(self, key: str) -> int:
        document = self._store.get("counter", key)
        return int(document["count"]) if document else 0
