"""The key store: found by public key, encrypted well, closed to others."""

from __future__ import annotations

import pickle
import subprocess
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs import issue
from certs.errors import (
    DamagedKeyError,
    KeyNotFoundError,
    KeyStoreError,
    LoosePermissionsError,
    PassphraseError,
    SignerError,
    StorageError,
    UnsupportedKeyError,
    WrongPassphraseError,
)
from certs.signers.file import FileSigner
from certs.store import KeyStore, key_id

PASSPHRASE = b"twelve or more"


@pytest.fixture(scope="module")
def held(forge: Any) -> Any:
    return forge("held", ca=True)


@pytest.fixture
def store(tmp_path: Path, held: Any) -> KeyStore:
    made = KeyStore(tmp_path / "keys", PASSPHRASE)
    assert made.add(held.key) == key_id(held.key.public_key())
    return made


def _file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "keys").iterdir()
    return path


def test_signs_with_the_key_of_the_certificate(store: KeyStore, held: Any) -> None:
    signer = store.signer_for(held.certificate)
    held.key.public_key().verify(signer.sign(b"data"), b"data", ec.ECDSA(hashes.SHA256()))
    assert signer.public_key() == held.key.public_key()


def test_file_and_directory_are_closed_to_others(store: KeyStore, tmp_path: Path, held: Any) -> None:
    path = _file(tmp_path)
    assert path.name == f"{key_id(held.key.public_key())}.pem"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_file_is_pkcs8_with_scrypt_that_openssl_reads(store: KeyStore, tmp_path: Path) -> None:
    show = ["openssl", "asn1parse", "-in", str(_file(tmp_path))]
    shown = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert (
        all(word in shown for word in ("PBES2", "1.3.6.1.4.1.11591.4.11", "aes-256-cbc")) or "scrypt" in shown
    )
    read = ["openssl", "pkey", "-in", str(_file(tmp_path)), "-passin", "stdin", "-noout"]
    subprocess.run(read, input=PASSPHRASE, check=True, capture_output=True)


def test_adding_twice_changes_nothing(store: KeyStore, tmp_path: Path, held: Any) -> None:
    before = _file(tmp_path).read_bytes()
    store.add(held.key)
    assert _file(tmp_path).read_bytes() == before


def test_a_wrong_passphrase_is_its_own_error(store: KeyStore, tmp_path: Path, held: Any) -> None:
    with pytest.raises(WrongPassphraseError, match="does not open it"):
        KeyStore(tmp_path / "keys", b"another passphrase").signer_for(held.certificate)


def test_a_key_that_is_not_there(store: KeyStore, tmp_path: Path, pki: Any) -> None:
    with pytest.raises(KeyNotFoundError, match="coldchain oslo"):
        store.signer_for(pki.oslo)
    with pytest.raises(KeyNotFoundError):
        KeyStore(tmp_path / "nowhere", PASSPHRASE).signer_for(pki.oslo)


@pytest.mark.parametrize(
    ("of_directory", "mode"), [(False, 0o640), (False, 0o604), (True, 0o750), (True, 0o701)]
)
def test_loose_permissions_are_refused(
    store: KeyStore, tmp_path: Path, held: Any, of_directory: bool, mode: int
) -> None:
    loose = tmp_path / "keys" if of_directory else _file(tmp_path)
    loose.chmod(mode)
    with pytest.raises(LoosePermissionsError, match=f"mode {mode:04o}.*chmod"):
        store.signer_for(held.certificate)


def test_nothing_is_added_to_a_directory_open_to_others(tmp_path: Path, held: Any) -> None:
    tmp_path.chmod(0o755)
    with pytest.raises(LoosePermissionsError):
        KeyStore(tmp_path, PASSPHRASE).add(held.key)
    assert list(tmp_path.iterdir()) == []


def test_damaged_files(store: KeyStore, tmp_path: Path, held: Any) -> None:
    path, whole = _file(tmp_path), _file(tmp_path).read_bytes()
    clear = held.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for damaged in (b"", b"\xff\xfe", whole[:200], whole[:100] + whole[120:], clear):
        path.write_bytes(damaged)
        with pytest.raises(DamagedKeyError, match="restore it from a backup"):
            store.signer_for(held.certificate)


def test_a_file_with_another_key_than_its_name_says(store: KeyStore, tmp_path: Path, held: Any) -> None:
    path = _file(tmp_path)
    other = KeyStore(tmp_path / "other", PASSPHRASE)
    path.write_bytes((tmp_path / "other" / f"{other.add(issue.new_key())}.pem").read_bytes())
    with pytest.raises(DamagedKeyError, match="another key"):
        store.signer_for(held.certificate)


def test_keys_written_by_openssl_are_read(tmp_path: Path, held: Any) -> None:
    clear = held.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "keys" / f"{key_id(held.key.public_key())}.pem"
    path.parent.mkdir(mode=0o700)
    (tmp_path / "pass").write_bytes(PASSPHRASE)
    command = ["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", f"file:{tmp_path / 'pass'}"]
    path.write_bytes(subprocess.run(command, input=clear, capture_output=True, check=True).stdout)
    path.chmod(0o600)
    assert (
        KeyStore(path.parent, PASSPHRASE).signer_for(held.certificate).public_key() == held.key.public_key()
    )


def test_short_passphrases_and_other_keys_are_refused(tmp_path: Path, held: Any) -> None:
    with pytest.raises(PassphraseError, match="at least 12"):
        KeyStore(tmp_path / "keys", b"short").add(held.key)
    with pytest.raises(UnsupportedKeyError, match="secp521r1"):
        KeyStore(tmp_path / "keys", PASSPHRASE).add(ec.generate_private_key(ec.SECP521R1()))
    assert not (tmp_path / "keys").exists()


def test_the_file_system_refuses(tmp_path: Path, held: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        KeyStore(tmp_path / "file" / "keys", PASSPHRASE).add(held.key)
    with pytest.raises(StorageError):
        KeyStore(tmp_path / "file" / "keys", PASSPHRASE).signer_for(held.certificate)


def test_from_environment(store: KeyStore, tmp_path: Path, held: Any) -> None:
    environment = {"MUSTER_KEY_STORE": str(tmp_path / "keys"), "MUSTER_KEY_PASSPHRASE": PASSPHRASE.decode()}
    assert KeyStore.from_environment(environment).signer_for(held.certificate)
    with pytest.raises(KeyStoreError, match="MUSTER_KEY_STORE"):
        KeyStore.from_environment({})
    with pytest.raises(PassphraseError, match="MUSTER_KEY_PASSPHRASE_FILE"):
        KeyStore.from_environment({"MUSTER_KEY_STORE": "keys"})


def test_signers_and_stores_show_nothing_of_the_key(store: KeyStore, held: Any) -> None:
    signer = store.signer_for(held.certificate)
    assert repr(signer) == "FileSigner()"
    assert PASSPHRASE.decode() not in repr(store)
    with pytest.raises(SignerError):
        pickle.dumps(FileSigner(held.key))


def test_no_traceback_holds_the_passphrase(store: KeyStore, tmp_path: Path, held: Any) -> None:
    wrong = b"this is the wrong one"
    with pytest.raises(WrongPassphraseError) as caught:
        KeyStore(tmp_path / "keys", wrong).signer_for(held.certificate)
    told = "".join(traceback.format_exception(caught.value))
    assert wrong.decode() not in told
    assert PASSPHRASE.decode() not in told
