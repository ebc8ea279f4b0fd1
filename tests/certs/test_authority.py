"""`authority.init`: what it makes, what it refuses, and that a kill leaves nothing half made."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from certs import authority, chain, profiles
from certs.errors import ExistsError, InvalidNameError, IssueError, PassphraseError, StorageError
from certs.store import KeyStore, key_id

PASSPHRASE = b"twelve or more"


def test_layout_and_modes(pki: Any) -> None:
    found = {
        path.relative_to(pki.directory).as_posix() for path in pki.directory.rglob("*") if path.is_file()
    }
    certificates = [pki.chain.root, *pki.chain.issuers.values()]
    keys = {f"keys/{key_id(certificate.public_key())}.pem" for certificate in certificates}
    assert found == {"root.pem", "oslo.pem", "bergen.pem", "authority.json"} | keys
    assert all((pki.directory / name).stat().st_mode & 0o777 == 0o600 for name in keys)
    assert (pki.directory / "keys").stat().st_mode & 0o777 == 0o700


def test_loads_again_as_it_was_made(pki: Any) -> None:
    assert authority.load(pki.directory) == pki.chain


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
    # 7 files, each flushed with its directory, then the directory itself; the last kill follows the rename.
    assert int(done.stdout) >= 15
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
