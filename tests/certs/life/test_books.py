"""The books of an authority: what is issued is entered, what was entered is audited; renewal."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs import assemble, authority, csr, durable, issue
from certs.bulk.commission import Commission
from certs.bulk.crew import Alone
from certs.bulk.lists import Range
from certs.bulk.run import issue as issue_in_bulk
from certs.bulk.sealing import new_identity
from certs.errors import (
    AuthorityError,
    CertsError,
    ClockError,
    ExistsError,
    InventoryError,
    IssueError,
    StorageError,
    TamperedError,
    UnreadableError,
)
from certs.life import arrivals, renewal
from certs.life.books import INVENTORY, LISTS, Books
from certs.life.renewal import Renewal
from certs.reading import pem
from certs.record import Entry
from certs.signers import Signer
from certs.signers.file import FileSigner
from certs.store import KeyStore

EARLY = Renewal(early=True)


@dataclass
class World:
    directory: Path
    books: Books
    oslo: Entry
    signer: Signer

    def issue(self, name: str, days: int = 30) -> x509.Certificate:
        made = issue.issue_device(self.signer, self.oslo.certificate, name, days).certificate
        self.books.enter(made, self.oslo.certificate)
        return made

    def renew(self, name: str, out: Path, how: Renewal = EARLY) -> renewal.Renewed:
        return renewal.renew_device(self.books, name, self.oslo, self.signer, how, out)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Signer]:
    """An authority that tests copy: to make one takes longer than they do."""
    directory, phrase = tmp_path_factory.mktemp("made") / "pki", secrets.token_urlsafe(16).encode()
    chain = authority.init(directory, "coldchain", ["oslo", "bergen"], phrase)
    return directory, KeyStore(directory / "keys", phrase).signer_for(chain.issuers["oslo"])


@pytest.fixture
def world(made: tuple[Path, Signer], tmp_path: Path) -> Iterator[World]:
    directory = tmp_path / "pki"
    shutil.copytree(made[0], directory)
    with Books.open(directory) as books:
        yield World(directory, books, books.authority.record.named("oslo"), made[1])


def test_what_is_issued_is_in_both_books(world: World) -> None:
    made = world.issue("reefer-1")
    (held,) = world.books.inventory.by_id("reefer-1")
    assert (held.issued.serial, held.issued.factory, held.fate) == (made.serial_number, "oslo", "active")
    line = list(world.books.ledger.lines())[-1]
    assert (line.event, line.facts["serial"]) == ("issued", f"{made.serial_number:x}")
    with pytest.raises(InventoryError, match=r"'REEFER-1' has a certificate already.*renew it, or revoke it"):
        world.issue("REEFER-1")
    assert world.books.inventory.count() == 1
    world.books.revoke(made.serial_number, world.oslo, "keyCompromise", None)
    world.issue("reefer-1")


def test_renewal_and_the_fate_of_the_old(world: World, tmp_path: Path) -> None:
    first = world.issue("reefer-1")
    renewed = world.renew("REEFER-1", tmp_path / "next")
    assert renewed.old.fate == "retiring"
    assert renewed.old.issued.serial == first.serial_number
    assert (tmp_path / "next" / "key.pem").is_file()
    fates = [held.fate for held in world.books.inventory.by_id("reefer-1")]
    assert fates == ["retiring", "active"]
    assert world.books.retire_due() == []
    end = datetime.now(UTC) + timedelta(days=renewal.OVERLAP_DAYS, minutes=1)
    assert [held.fate for held in world.books.retire_due(end)] == ["retired"]
    assert [line.event for line in world.books.ledger.lines()][-3:] == ["issued", "retiring", "retired"]
    world.books.audit()


def test_renewal_of_a_request(world: World) -> None:
    world.issue("reefer-1")
    key = FileSigner(issue.new_key())
    renewed = renewal.renew_request(
        world.books, csr.make(key, assemble.subject("reefer-1")), world.oslo, world.signer, EARLY
    )
    assert renewed.certificate.public_key() == key.public_key()


def test_renewals_that_are_refused_leave_all_as_it_was(world: World, tmp_path: Path) -> None:
    out = tmp_path / "next"
    with pytest.raises(InventoryError, match="'nobody' has no certificate of ours"):
        world.renew("nobody", out)
    made = world.issue("reefer-1")
    with pytest.raises(InventoryError, match=r"it may be renewed from .*, or sooner when that is said"):
        world.renew("reefer-1", out, Renewal())
    with pytest.raises(IssueError, match="an overlap of -1 days"):
        world.renew("reefer-1", out, Renewal(early=True, overlap_days=-1))
    later = datetime.now(UTC) + timedelta(days=31)
    with pytest.raises(InventoryError, match="the last certificate of 'reefer-1' ended at"):
        renewal.due(world.books, "reefer-1", EARLY, later)
    assert renewal.due(world.books, "reefer-1", Renewal(), later - timedelta(days=5)).fate == "active"
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    with pytest.raises(ExistsError):
        world.renew("reefer-1", tmp_path / "there")
    world.books.revoke(made.serial_number, world.oslo, "keyCompromise", None)
    with pytest.raises(InventoryError, match=r"is not renewed: its certificate .* was revoked at .*keyComp"):
        world.renew("reefer-1", out)
    assert not out.exists()
    assert world.books.inventory.count() == 1


def test_a_full_disk_enters_nothing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.issue("reefer-1")

    def full(path: Path, *_: object) -> None:
        raise StorageError(path, OSError(28, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr(durable, "write", full)
        with pytest.raises(StorageError, match="No space left"):
            world.renew("reefer-1", tmp_path / "next")
    assert [held.fate for held in world.books.inventory.by_id("reefer-1")] == ["active"]


def _issue_many(world: World) -> None:
    for number in range(200):
        world.issue(f"reefer-{number}-" + "x" * 40)


def test_a_full_inventory_is_told(world: World) -> None:
    connection = world.books.inventory._database
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(StorageError, match=r"inventory\.sqlite: database or disk is full"):
        _issue_many(world)
    lines = [line for line in world.books.ledger.lines() if line.event == "issued"]
    assert len(lines) == world.books.inventory.count()
    world.books.audit()


def test_a_clock_set_back_changes_nothing(world: World) -> None:
    made = world.issue("reefer-1")
    world.books.ledger.append("later", datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(ClockError, match="set the clock"):
        world.issue("reefer-2")
    with pytest.raises(ClockError, match="set the clock"):
        world.books.revoke(made.serial_number, world.oslo, "keyCompromise", None)
    assert [held.fate for held in world.books.inventory.all()] == ["active"]


def test_lists_have_one_address_for_good(world: World) -> None:
    with pytest.raises(AuthorityError, match=r"no address for revocation lists: give it one, `muster"):
        world.books.publisher(world.oslo, world.signer)
    assert world.books.point(world.oslo.certificate) is None
    world.books.set_lists("http://crl.example/coldchain/", 4)
    world.books.set_lists("http://crl.example/coldchain", 4)
    with pytest.raises(AuthorityError, match="says otherwise"):
        world.books.set_lists("http://crl.example/coldchain", 5)
    partitions = world.books.required_partitions(world.oslo)
    assert partitions.url(3).value == "http://crl.example/coldchain/oslo/00003.crl"
    made = world.issue("reefer-1")
    held, path = world.books.revoke(made.serial_number, world.oslo, "superseded", lambda: world.signer)
    assert held.fate == "revoked"
    assert path == world.directory / "crl" / "oslo" / partitions.file(partitions.of(made.serial_number))
    (world.directory / LISTS).write_text('{"baseUrl": "http://crl.example/a", "partitions": "many"}')
    with pytest.raises(UnreadableError, match=r"lists\.json: damaged"):
        world.books.partitions(world.oslo)


@pytest.mark.parametrize(
    ("url", "count"),
    [
        ("ftp://a/b", 4),
        ("crl.example", 4),
        ("http://a/b?c", 4),
        ("http://é/", 4),
        ("http://a/ b", 4),
        ("http://a", 0),
    ],
)
def test_addresses_that_are_none(world: World, url: str, count: int) -> None:
    with pytest.raises(IssueError, match=r"is no address for lists|0 lists an issuer"):
        world.books.set_lists(url, count)
    assert not (world.directory / LISTS).exists()


def test_an_audit_of_both(world: World) -> None:
    world.issue("reefer-1")
    head = world.books.audit().head
    made = world.issue("reefer-2")
    world.books.revoke(made.serial_number, world.oslo, "keyCompromise", None)
    found = world.books.audit(head)
    assert (found.lines, found.certificates) == (3 + 3, 2)
    assert found.head != head
    with pytest.raises(InventoryError, match="is no head of an inventory"):
        world.books.audit(head.partition(":")[0])


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM issued WHERE number = 2", "lacks the certificate"),
        ("UPDATE issued SET sha256 = zeroblob(32) WHERE number = 1", "lacks the certificate"),
        ("DELETE FROM fates", "its end was cut off"),
        ("UPDATE issued SET factory = 'bergen'", "row 1 was changed"),
    ],
)
def test_an_audit_finds_it_without_a_head(world: World, statement: str, told: str) -> None:
    world.issue("reefer-1")
    made = world.issue("reefer-2")
    world.books.revoke(made.serial_number, world.oslo, "keyCompromise", None)
    with sqlite3.connect(world.directory / INVENTORY) as other:
        other.execute(statement)
    other.close()
    with pytest.raises(TamperedError, match=told):
        world.books.audit()


def test_an_audit_with_a_head_finds_that_both_were_cut(world: World) -> None:
    world.issue("reefer-1")
    world.issue("reefer-2")
    head = world.books.audit().head
    lines = world.books.ledger.path.read_bytes().splitlines(keepends=True)
    world.books.ledger.path.write_bytes(b"".join(lines[:-1]))
    with sqlite3.connect(world.directory / INVENTORY) as other:
        other.execute("DELETE FROM issued WHERE number = 2")
    other.close()
    world.books.audit()
    with pytest.raises(TamperedError, match=r"ledger\.jsonl: the head .* noted elsewhere is not in it"):
        world.books.audit(head)


def test_a_folder_comes_in_once_and_whole(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "devices"
    for number in range(3):
        device = issue.issue_device(world.signer, world.oslo.certificate, f"reefer-{number}")
        device.write(folder / f"reefer-{number}")
    other = issue.issue_device(world.signer, world.oslo.certificate, "other").certificate
    (folder / "other.der").write_bytes(other.public_bytes(Encoding.DER))
    assert arrivals.take_in(world.books, folder, group="reefers") == 4
    assert arrivals.take_in(world.books, folder, group="reefers") == 0
    (held,) = world.books.inventory.by_id("reefer-2")
    assert (held.issued.factory, held.issued.group) == ("oslo", "reefers")
    world.books.audit()


def test_what_others_issued_stays_out(world: World, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    authority.init(stranger, "coldchain", ["oslo"], b"twelve or more, said the door")
    with Books.open(stranger) as books:
        oslo = books.authority.record.named("oslo").certificate
    store = KeyStore(stranger / "keys", b"twelve or more, said the door")
    foreign = issue.issue_device(store.signer_for(oslo), oslo, "reefer-1").certificate
    ours = issue.issue_device(world.signer, world.oslo.certificate, "reefer-2").certificate
    path = tmp_path / "both.pem"
    path.write_text(pem(ours) + pem(foreign))
    with pytest.raises(InventoryError, match="not issued by this authority"):
        arrivals.take_in(world.books, path)
    path.write_text(pem(oslo))
    with pytest.raises(InventoryError, match="holds no certificate of a device"):
        arrivals.take_in(world.books, path)
    path.write_text("no certificate")
    with pytest.raises(UnreadableError):
        arrivals.take_in(world.books, path)
    assert world.books.inventory.count() == 0


def test_a_bundle_comes_in(world: World, tmp_path: Path) -> None:
    recipient = new_identity(tmp_path / "line.key")
    asked = Commission(Range("bulk-{:02d}", 12), world.oslo.certificate, recipient=recipient, batch=5)
    bundle = tmp_path / "devices.bundle"
    issue_in_bulk(asked, world.signer, Alone(), bundle)
    assert arrivals.take_in(world.books, bundle, factory="oslo-2", group="reefers") == 12
    assert arrivals.take_in(world.books, bundle) == 0
    (held,) = world.books.inventory.by_id("bulk-07")
    assert (held.issued.factory, held.issued.group, held.fate) == ("oslo-2", "reefers", "active")
    line = list(world.books.ledger.lines())[-1]
    assert (line.event, line.facts["source"], line.facts["count"]) == ("imported", "devices.bundle", 12)
    bundle.write_bytes(bundle.read_bytes()[:-40])
    with pytest.raises(CertsError, match="its run has not ended"):
        arrivals.take_in(world.books, bundle)
