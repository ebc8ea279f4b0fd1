"""A new root or issuer beside the old: every device verifies under both, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from certs import authority, ceremony, csr, handover, issue, pkcs8, succession
from certs.authority import Authority
from certs.chain import verify_leaf
from certs.checks import extension
from certs.errors import AuthorityError, ChainError, ClockError, IssueError
from certs.intermediates import Choices
from certs.keys import ALGORITHMS, algorithm_of
from certs.reading import fingerprint
from tests.certs import linting

SECRET = b"twelve or more"
PLAIN = Choices()


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs8, "COST", 16)


@pytest.fixture
def there(tmp_path: Path) -> Authority:
    how = Choices(servers={"edge": ["plant.example"]})
    authority.init(tmp_path / "pki", "coldchain", ["oslo"], SECRET, choices=how)
    return Authority.open(tmp_path / "pki")


def new_root(there: Authority, choices: Choices = PLAIN) -> Authority:
    return succession.succeed_root(there, SECRET, 7300, choices, "Ada", datetime.now(UTC))[0]


def test_every_device_verifies_under_both_roots(there: Authority, tmp_path: Path) -> None:
    oslo = there.record.entries["oslo"].certificate
    signer = there.signer("oslo", SECRET)
    old = issue.issue_device(signer, oslo, "unit-old", 9).certificate
    after = new_root(there)
    entries = {name: entry.certificate for name, entry in after.record.entries.items()}
    again = entries["oslo.by.root-2"]
    new = issue.issue_device(signer, again, "unit-new", 9).certificate
    for number, leaf in enumerate((old, new)):
        paths = [
            ([oslo], entries["root"]),
            ([again], entries["root-2"]),
            ([again, entries["root-2.by.root"]], entries["root"]),
            ([oslo, entries["root.by.root-2"]], entries["root-2"]),
        ]
        for at, (between, root) in enumerate(paths):
            verify_leaf(leaf, between, root)
            folder = tmp_path / f"openssl-{number}-{at}"
            assert linting.openssl_findings(folder, [leaf, *between], root, "sslclient") == ""


def test_the_chain_is_to_be_had_under_each_root(there: Authority) -> None:
    after = new_root(there)
    assert set(after.chain("root").issuers) == set(after.chain("root-2").issuers) == {"oslo", "edge"}
    assert after.chain("root").issuers["oslo"] != after.chain("root-2").issuers["oslo"]
    assert Authority.open(there.directory).record == after.record
    with pytest.raises(AuthorityError, match=r"no root 'root-3'; it has root, root-2"):
        after.chain("root-3")


def test_what_was_there_is_as_it_was_and_all_is_clean(there: Authority) -> None:
    before = {path: path.read_bytes() for path in there.directory.glob("*.pem")}
    after = new_root(there, Choices(algorithm=ALGORITHMS["rsa-2048"]))
    assert all(path.read_bytes() == data for path, data in before.items())
    assert algorithm_of(after.record.entries["root-2"].certificate.public_key()).name == "rsa-2048"
    added = [entry for name, entry in after.record.entries.items() if name not in there.record.entries]
    assert [entry.name for entry in added] == [
        "root-2",
        "root-2.by.root",
        "root.by.root-2",
        "oslo.by.root-2",
        "edge.by.root-2",
    ]
    for entry in added:
        assert linting.findings(entry.certificate) == []
        assert (there.directory / entry.file).is_file()


def test_a_third_root_follows_the_second(there: Authority) -> None:
    third = new_root(new_root(there))
    assert set(third.chain("root-3").issuers) == {"oslo", "edge"}
    assert "root-3.by.root-2" in third.record.entries


def test_a_new_issuer_is_confined_as_the_old(there: Authority) -> None:
    def limits(name: str) -> x509.NameConstraints | None:
        return extension(after.record.entries[name].certificate, x509.NameConstraints)

    after, now = there, datetime.now(UTC)
    for name in ("oslo", "edge", "oslo-2"):
        after, (added,) = succession.succeed_issuer(after, name, SECRET, 99, PLAIN, "Ada", now)
        now += timedelta(seconds=1)
        assert added.kind == after.record.entries[name].kind
        assert limits(added.name) == limits(name)
        assert linting.findings(added.certificate) == []
    assert set(after.chain().issuers) == {"oslo", "oslo-2", "oslo-3", "edge", "edge-2"}
    fresh = after.record.entries["oslo-3"].certificate
    leaf = issue.issue_device(after.signer("oslo-3", SECRET), fresh, "unit-1", 9).certificate
    verify_leaf(leaf, [fresh], after.chain().root)
    with pytest.raises(ChainError):
        verify_leaf(leaf, [after.record.entries["oslo"].certificate], after.chain().root)


def test_refusals_change_nothing(there: Authority) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in there.directory.rglob("*") if path.is_file()}

    before, now = files(), datetime.now(UTC)
    with pytest.raises(AuthorityError, match="no issuer or server-issuer 'root'; it has oslo, edge"):
        succession.succeed_issuer(there, "root", SECRET, 99, PLAIN, "Ada", now)
    with pytest.raises(ClockError):
        succession.succeed_root(there, SECRET, 99, PLAIN, "Ada", now - timedelta(days=1))
    late = there.record.entries["root"].certificate.not_valid_after_utc - timedelta(hours=1)
    with pytest.raises(IssueError, match="too late to certify it again"):
        succession.succeed_root(there, SECRET, 99, PLAIN, "Ada", late)
    with pytest.raises(IssueError, match="9999 days asked for"):
        succession.succeed_issuer(there, "oslo", SECRET, 9999, PLAIN, "Ada", now + timedelta(seconds=9))
    assert files() == before


def test_an_offline_roots_successor_is_carried_over(tmp_path: Path) -> None:
    offline = ceremony.make_root(tmp_path / "offline", "coldchain", SECRET, 7300, PLAIN, "Ada")
    asked = ceremony.request(tmp_path / "pki", "coldchain", ["oslo"], SECRET, PLAIN)
    requests = {part: csr.load(path) for part, path in asked.items()}
    ceremony.sign(offline, requests, tmp_path / "granted", SECRET, 3650, PLAIN, "Ada")
    old = fingerprint(offline.record.entries["root"].certificate)
    handover.install(tmp_path / "pki", tmp_path / "granted", old)
    after, added = succession.succeed_root(
        Authority.open(offline.directory), SECRET, 7300, PLAIN, "Ada", datetime.now(UTC)
    )
    handover.export(after, ["root", *(entry.name for entry in added)], tmp_path / "carried")
    online = handover.install(tmp_path / "pki", tmp_path / "carried", old)
    assert online.chain("root-2").issuers["oslo"] == after.chain("root-2").issuers["oslo"]
    handover.export(after, ["root", "root-2"], tmp_path / "alone")
    with pytest.raises(ChainError, match="root-2: not certified by root"):
        handover.install(tmp_path / "pki", tmp_path / "alone", old)
