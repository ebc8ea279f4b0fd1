"""Ledger and inventory: what they keep, and that nothing changes, leaves or moves without being found."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs.errors import ClockError, InventoryError, TamperedError
from certs.life.inventory import Inventory, Issued
from certs.life.ledger import START, Ledger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OSLO = "CN=coldchain oslo,O=coldchain"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "authority.ledger")
    for number in range(4):
        made.append("issued", NOW + timedelta(seconds=number), serial=f"{number:x}", device="reefer-ø")
    return made


def test_a_ledger_is_read_as_it_was_written(ledger: Ledger) -> None:
    lines = list(ledger.lines())
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert lines[2].facts == {"serial": "2", "device": "reefer-ø"}
    assert ledger.verify() == (4, lines[-1].hash) == (4, ledger.head())
    assert ledger.verify(head=lines[1].hash)[0] == 4
    assert (ledger.path.stat().st_mode & 0o777) == 0o600


def test_an_empty_ledger_is_sound(tmp_path: Path) -> None:
    none = Ledger(tmp_path / "none")
    assert (none.verify(), none.head()) == ((0, START), START)


@pytest.mark.parametrize("line", range(4))
def test_a_removed_line_is_found(ledger: Ledger, line: int) -> None:
    head = ledger.head()
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    with pytest.raises(TamperedError, match=r"does not follow|cut off or replaced"):
        ledger.verify(head)


def test_a_changed_or_moved_line_is_found(ledger: Ledger) -> None:
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole.replace(b'"serial":"1"', b'"serial":"9"'))
    with pytest.raises(TamperedError, match="line 2: was changed"):
        ledger.verify()
    first, second, *rest = whole.splitlines(keepends=True)
    ledger.path.write_bytes(b"".join([second, first, *rest]))
    with pytest.raises(TamperedError, match="line 1: does not follow"):
        ledger.verify()


def test_a_forged_hash_does_not_help(ledger: Ledger) -> None:
    lines = ledger.path.read_bytes().splitlines()
    forged = Ledger(ledger.path.with_name("forged"))
    forged.append("issued", NOW, serial="f")
    ledger.path.write_bytes(b"\n".join([forged.path.read_bytes().strip(), *lines[1:]]) + b"\n")
    with pytest.raises(TamperedError, match="line 2: does not follow"):
        ledger.verify()


def test_a_torn_line_was_never_there(ledger: Ledger) -> None:
    with ledger.path.open("ab") as file:
        file.write(b'{"number":5,"at":"20')
    assert ledger.verify()[0] == 4
    ledger.append("issued", NOW + timedelta(minutes=1))
    assert ledger.verify()[0] == 5


def test_a_clock_that_was_set_back_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ClockError, match="the clock says 2026-11-23T11"):
        ledger.append("issued", NOW - timedelta(hours=1))


@given(data=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_no_bytes_break_the_reader(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzzed"
    path.write_bytes(data)
    lines = data.count(b"\n")
    if lines:
        with pytest.raises(TamperedError, match="fuzzed, line 1"):
            Ledger(path).verify()
    else:
        assert Ledger(path).verify() == (0, START)


def _issued(number: int, days: int = 30, factory: str = "oslo") -> Issued:
    return Issued(
        f"reefer-{number}",
        2**158 + number,
        OSLO,
        NOW,
        NOW + timedelta(days=days),
        f"{number:064x}",
        factory,
        "reefers",
    )


@pytest.fixture
def inventory(tmp_path: Path) -> Iterator[Inventory]:
    with Inventory(tmp_path / "inventory.sqlite") as made:
        assert made.record(_issued(number) for number in range(5)) == 5
        yield made


def test_an_inventory_finds_by_id_and_serial(inventory: Inventory) -> None:
    assert [held.issued for held in inventory.by_id("REEFER-3")] == [_issued(3)]
    assert inventory.by_serial(2**158 + 3, OSLO).fate == "active"
    assert inventory.record([_issued(3)]) == 0
    with pytest.raises(InventoryError, match="no certificate 7 of"):
        inventory.by_serial(7, OSLO)
    with pytest.raises(InventoryError, match="another certificate has the serial"):
        inventory.record([_issued(9), _issued(3, days=31)])
    assert inventory.by_id("reefer-9") == []


def test_fates(inventory: Inventory) -> None:
    serial = _issued(1).serial
    until = NOW + timedelta(days=7)
    assert inventory.retiring(serial, OSLO, until, NOW).fate == "retiring"
    assert inventory.retire_due(NOW + timedelta(days=6)) == []
    assert [held.issued for held in inventory.retire_due(until)] == [_issued(1)]
    assert inventory.by_serial(serial, OSLO).fate == "retired"
    assert inventory.revoke(serial, OSLO, "keyCompromise", until).detail == "keyCompromise"
    with pytest.raises(InventoryError, match=r"is revoked already, since 2026-11-30.*keyCompromise"):
        inventory.revoke(serial, OSLO, "keyCompromise")
    with pytest.raises(InventoryError, match="is revoked already"):
        inventory.retiring(serial, OSLO, until)
    assert [held.issued.registration_id for held in inventory.held("revoked")] == ["reefer-1"]


def test_what_ends_when(inventory: Inventory) -> None:
    inventory.record([_issued(7, days=5, factory="bergen"), _issued(8, days=9, factory="bergen")])
    inventory.revoke(_issued(8).serial, OSLO, "superseded", NOW)
    found = inventory.expiring(NOW + timedelta(days=31), "factory", NOW)
    assert [(each.which, each.count) for each in found] == [("bergen", 1), ("oslo", 5)]
    assert found[0].first == NOW + timedelta(days=5)
    assert [each.count for each in inventory.expiring(NOW + timedelta(days=31), "issuer", NOW)] == [6]


def test_an_audit_passes_and_knows_an_older_head(inventory: Inventory) -> None:
    older = inventory.head()
    inventory.revoke(_issued(2).serial, OSLO, "keyCompromise", NOW)
    inventory.record([_issued(11)])
    assert inventory.audit(older) == inventory.head() != older


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE issued SET registration_id = 'other' WHERE number = 2", "issued, row 2 was changed"),
        ("DELETE FROM issued WHERE number = 3", "issued lacks row 3"),
        ("DELETE FROM issued WHERE number = 5", "has 4 rows, and had 5: its end was cut off"),
        ("DELETE FROM fates", "fates has 0 rows, and had 1"),
        ("UPDATE fates SET detail = 'superseded'", "fates, row 1 was changed"),
        ("UPDATE issued SET number = 6 WHERE number = 5", "issued lacks row 5"),
    ],
)
def test_an_audit_finds_whatever_was_done(inventory: Inventory, statement: str, told: str) -> None:
    inventory.revoke(_issued(2).serial, OSLO, "keyCompromise", NOW)
    head = inventory.head()
    with sqlite3.connect(inventory.path) as other:
        other.execute(statement)
    other.close()
    with pytest.raises(TamperedError, match=told):
        inventory.audit(head)


def test_heads_that_are_none_are_refused(inventory: Inventory) -> None:
    with pytest.raises(InventoryError, match="is no head of an inventory"):
        inventory.audit(json.dumps({}))
