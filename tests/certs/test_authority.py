"""`authority.init`: what it makes, what it refuses, and that a kill leaves nothing half made."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from certs import authority, chain, constraints, pkcs8, profiles, record
from certs.authority import Authority
from certs.errors import (
    AuthorityError,
    ClockError,
    ExistsError,
    InvalidNameError,
    IssueError,
    PassphraseError,
    SignerError,
    StorageError,
    UnreadableError,
)
from certs.intermediates import Choices
from certs.keys import ALGORITHMS, algorithm_of
from certs.places import Place
from certs.reading import pem
from certs.store import KeyStore, key_id

PASSPHRASE = b"twelve or more"


def test_layout_and_modes(pki: Any) -> None:
    found = {
        path.relative_to(pki.directory).as_posix() for path in pki.directory.rglob("*") if path.is_file()
    }
    certificates = [pki.chain.root, *pki.chain.issuers.values()]
    keys = {f"keys/{key_id(certificate.public_key())}.pem" for certificate in certificates}
    assert found == {"root.pem", "oslo.pem", "bergen.pem", "authority.json", "ledger.jsonl"} | keys
    assert all((pki.directory / name).stat().st_mode & 0o777 == 0o600 for name in keys)
    assert (pki.directory / "keys").stat().st_mode & 0o777 == 0o700


def test_loads_again_as_it_was_made(pki: Any) -> None:
    assert authority.load(pki.directory) == pki.chain


def test_issuers_are_confined_to_their_fleet(pki: Any) -> None:
    limits = pki.oslo.extensions.get_extension_for_class(x509.NameConstraints)
    assert (limits.value, limits.critical) == (constraints.of_fleet("coldchain"), True)


@pytest.mark.parametrize("name", ["oslo.pem", "bergen.pem", "root.pem"])
def test_openssl_verifies_strictly(pki: Any, name: str) -> None:
    _openssl_verifies(pki.directory / "root.pem", pki.directory / name)


def _openssl_verifies(root: Path, certificate: Path) -> None:
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(root), str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_root_and_issuers_follow_their_profiles(pki: Any) -> None:
    for certificate, profile in ((pki.chain.root, profiles.ROOT), (pki.oslo, profiles.ISSUER)):
        for value, critical in profile.extensions():
            extension = certificate.extensions.get_extension_for_class(type(value))
            assert (extension.value, extension.critical) == (value, critical)
    constraints = pki.oslo.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_record_is_public_and_tells_what_was_made(pki: Any) -> None:
    record = json.loads((pki.directory / authority.RECORD).read_text())
    assert record["fleet"] == "coldchain"
    assert record["certificates"]["oslo"]["sha256"] == chain.fingerprint(pki.oslo)
    assert record["certificates"]["root"]["keyId"] == key_id(pki.chain.root.public_key())


def test_never_overwrites(pki: Any, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in pki.directory.rglob("*") if path.is_file()}
    with pytest.raises(ExistsError, match="never overwritten"):
        authority.init(pki.directory, "other", ["oslo"], PASSPHRASE)
    assert {path: path.read_bytes() for path in pki.directory.rglob("*") if path.is_file()} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExistsError):
        authority.init(tmp_path / "file", "other", ["oslo"], PASSPHRASE)


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    target = tmp_path / "pki"
    target.mkdir()
    made = authority.init(target, "coldchain", ["oslo"], PASSPHRASE)
    assert authority.load(target) == made


def test_every_bad_name_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidNameError) as caught:
        authority.init(tmp_path / "pki", "-cold", ["Oslo", "root", "bergen", "bergen", "x" * 64], PASSPHRASE)
    told = str(caught.value)
    for part in ("'-cold'", "'Oslo'", "'root': taken", "'bergen': given twice", "at most 64"):
        assert part in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((["oslo"], b"short"), PassphraseError),
        (([], PASSPHRASE), InvalidNameError),
        ((["oslo"], PASSPHRASE, 10, 11), IssueError),
        ((["oslo"], PASSPHRASE, 10, 0), IssueError),
        ((["oslo"], PASSPHRASE, 10**7, 10), IssueError),
    ],
)
def test_refusals_make_nothing(tmp_path: Path, arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        authority.init(tmp_path / "pki", "coldchain", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        authority.init(tmp_path / "file" / "pki", "coldchain", ["oslo"], PASSPHRASE)


# Forks a child for each flush to disk that `init` makes, and kills it right before that flush. scrypt is
# cheap here, so that all points take well under a second; the test below has it at full cost.
KILLER = """
import os, signal, sys
from pathlib import Path
from certs import authority, pkcs8

def init(target, kill_at):
    flush, seen = os.fsync, [0]
    def fsync(descriptor):
        seen[0] += 1
        if seen[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        flush(descriptor)
    os.fsync, pkcs8.COST = fsync, 16
    authority.init(target, "coldchain", ["oslo", "bergen"], b"twelve or more")

target, kills = Path(sys.argv[1]), 0
while True:
    child = os.fork()
    if child == 0:
        init(target, kills + 1)
        os._exit(0)
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    kills += killed
    if target.exists():
        break
    assert killed
print(kills)
"""


def test_killed_at_every_flush_nothing_half_made_is_read_as_whole(tmp_path: Path) -> None:
    target = tmp_path / "pki"
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(target)], capture_output=True, text=True, check=True, timeout=120
    )
    # 7 files, each flushed with its directory, 3 lines of the ledger, then the directory itself; the last
    # kill follows the rename.
    assert int(done.stdout) >= 18
    _assert_whole(target)
    with pytest.raises(ExistsError):
        authority.init(target, "coldchain", ["oslo"], PASSPHRASE)


def test_killed_at_some_moment_the_next_init_works(tmp_path: Path) -> None:
    target = tmp_path / "pki"
    code = "import sys; from pathlib import Path; from certs import authority; print(flush=True); "
    code += "authority.init(Path(sys.argv[1]), 'coldchain', ['oslo'], b'twelve or more')"
    for delay in (0.05, 0.25):
        child = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    if not target.exists():
        authority.init(target, "coldchain", ["oslo"], PASSPHRASE)
    _assert_whole(target)
    assert [path.name for path in tmp_path.iterdir()] == ["pki"]


def _assert_whole(target: Path) -> None:
    made = authority.load(target)
    store = KeyStore(target / "keys", PASSPHRASE)
    for certificate in (made.root, *made.issuers.values()):
        store.signer_for(certificate)
    assert set(json.loads((target / authority.RECORD).read_text())["certificates"]) == {"root", *made.issuers}


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setattr(pkcs8, "COST", 16)
    authority.init(tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE)
    return Authority.open(tmp_path / "pki")


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_keys_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(pkcs8, "COST", 16)
    how = Choices(ALGORITHMS[name], servers={"edge": []}, confined=False)
    made = authority.init(tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE, choices=how)
    assert {algorithm_of(each.public_key()).name for each in (made.root, *made.issuers.values())} == {name}
    with pytest.raises(x509.ExtensionNotFound):
        made.issuers["oslo"].extensions.get_extension_for_class(x509.NameConstraints)


@pytest.mark.parametrize(
    ("kind", "parameters", "told"),
    [
        ("paper", {}, "must be one of pkcs11, aws-kms, azure-key-vault"),
        ("pkcs11", {"region": "x"}, "needs the module and needs the token and takes no region"),
        ("file", {"vault": "x"}, "keys in files need no vault"),
    ],
)
def test_places_that_are_none(kind: str, parameters: dict[str, str], told: str) -> None:
    with pytest.raises(SignerError, match=told):
        Place(kind, parameters)


def test_a_bad_domain_or_a_name_given_twice_makes_nothing(tmp_path: Path) -> None:
    bad: list[dict[str, list[str]]] = [{"edge": ["-a.example"]}, {"oslo": []}, {"root-2": []}]
    for servers in bad:
        with pytest.raises(InvalidNameError):
            authority.init(
                tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE, choices=Choices(servers=servers)
            )
    assert list(tmp_path.iterdir()) == []


def test_files_that_a_killed_run_left_out_are_written_again(there: Authority) -> None:
    path = there.directory / "oslo.pem"
    text = path.read_text()
    path.unlink()
    assert Authority.open(there.directory).record == there.record
    assert path.read_text() == text


def _swap(there: Authority) -> None:
    (there.directory / "oslo.pem").write_text(pem(there.record.entries["root"].certificate))


def _edit(old: str, new: str) -> Callable[[Authority], None]:
    def edit(there: Authority) -> None:
        path = there.directory / authority.RECORD
        path.write_text(path.read_text().replace(old, new))

    return edit


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (_swap, AuthorityError),
        (_edit('"oslo"', '"../oslo"'), UnreadableError),
        (_edit('"sha256": "', '"sha256": "0'), UnreadableError),
        (_edit('"kind": "issuer"', '"kind": "device"'), UnreadableError),
        (_edit("+00:00", ""), UnreadableError),
        (_edit("BEGIN CERTIFICATE", "BEGIN PRIVATE KEY"), UnreadableError),
        (lambda there: (there.directory / authority.RECORD).write_text("[]"), UnreadableError),
        (lambda there: (there.directory / authority.RECORD).unlink(), AuthorityError),
    ],
)
def test_a_damaged_authority_is_refused(
    there: Authority, damage: Callable[[Authority], None], error: type[Exception]
) -> None:
    damage(there)
    with pytest.raises(error):
        Authority.open(there.directory)


def test_a_clock_set_back_is_found(there: Authority) -> None:
    there.refuse_clock_set_back(datetime.now(UTC))
    with pytest.raises(ClockError, match=r"authority.json was changed at .*: set the clock right"):
        there.refuse_clock_set_back(datetime.now(UTC) - timedelta(minutes=1))


@pytest.mark.parametrize("moment", range(1, 12, 3))
def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    monkeypatch.setattr(pkcs8, "COST", 16)
    flush, seen = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        seen[0] += 1
        if seen[0] == moment:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StorageError, match="No space left on device"):
        authority.init(tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE)
    assert list(tmp_path.iterdir()) == []


def test_an_entry_is_never_replaced(there: Authority) -> None:
    with pytest.raises(AuthorityError, match="has a certificate 'oslo' already"):
        there.with_entries([there.record.entries["oslo"]], datetime.now(UTC))
    assert record.read(there.directory) == there.record
