"""The document store: what it keeps, in what order, and what a failed transaction leaves."""

import sqlite3
from pathlib import Path

import pytest

from localcloud.counters import Counters
from localcloud.store import Store


def test_documents_come_and_go(store: Store) -> None:
    store.put("device", "h/b", {"n": 2})
    store.put("device", "h/a", {"n": "ü"})
    store.put("device", "i/a", {})
    assert store.list("device", "h/") == [("h/a", {"n": "ü"}), ("h/b", {"n": 2})]
    assert store.get("twin", "h/a") is None
    assert [store.delete("device", "h/a"), store.delete("device", "h/a")] == [True, False]
    store.put("device", "h/b", {"n": 3})
    assert store.get("device", "h/b") == {"n": 3}


def test_prefix_reaches_the_last_characters(store: Store) -> None:
    store.put("k", "a\U0010fffe", {})
    assert [key for key, _ in store.list("k", "a")] == ["a\U0010fffe"]


def _fail_inside(store: Store) -> None:
    with store.transaction():
        with store.transaction():
            store.put("k", "inner", {})
            store.delete("k", "outer")
        raise ZeroDivisionError


def test_transactions_are_all_or_nothing(store: Store) -> None:
    with store.transaction():
        store.put("k", "outer", {})
        with pytest.raises(ZeroDivisionError):
            _fail_inside(store)
        with store.transaction():
            store.put("k", "second", {})
    assert [key for key, _ in store.list("k")] == ["outer", "second"]
    with pytest.raises(ZeroDivisionError), store.transaction():
        _fail_inside(store)
    assert [key for key, _ in store.list("k")] == ["outer", "second"]


def test_another_process_reads_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.put("k", "a", {})
    other = Store(tmp_path / "s")
    assert other.get("k", "a") == {}
    other.close()
    store.close()


def test_broken_file_is_an_sqlite_error(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"x" * 4096)
    with pytest.raises(sqlite3.DatabaseError):
        Store(tmp_path / "s")


def test_counters_add_up_over_flushes(store: Store) -> None:
    counters = Counters(store)
    counters.add("a")
    assert (counters.value("a"), store.get("counter", "a")) == (1, None)
    counters.flush()
    counters.add("a", 2)
    counters.flush()
    counters.flush()
    assert (Counters(store).value("a"), store.get("counter", "a")) == (3, {"count": 3})
