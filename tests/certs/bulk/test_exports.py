"""Exports: what a line flashes belongs together, is private where it must be, and opens with its tools."""

from __future__ import annotations

import base64
import csv
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from certs import assemble
from certs import csr as requests
from certs.bulk.bundle import Bundle
from certs.bulk.commission import Commission
from certs.bulk.crew import Alone
from certs.bulk.errors import BulkError, DamagedBundleError, SealError, StoppedError, UnfinishedBundleError
from certs.bulk.exports import mac
from certs.bulk.exports.devices import devices
from certs.bulk.exports.forms import FORMS, MIN_ITERATIONS, Options
from certs.bulk.exports.write import write
from certs.bulk.flat import FlatWriter
from certs.bulk.frames import decode_batch, encode_batch
from certs.bulk.lists import Range
from certs.bulk.requests import RequestFolder
from certs.bulk.run import issue
from certs.bulk.sealing import Opener, Sealer, new_identity
from certs.errors import ExistsError, PassphraseError, SignerUnavailableError
from certs.keys import ALGORITHMS
from certs.signers.file import FileSigner

SECRET = b"twelve or more"
QUICK = Options(SECRET, MIN_ITERATIONS)


@pytest.fixture(params=["ec-p256", "rsa-2048", "ed25519"])
def made(request: pytest.FixtureRequest, pki: Any, commissioned: Any, tmp_path: Path) -> Path:
    path = tmp_path / "devices.bundle"
    asked = commissioned(Range("reefer:{}", 3), algorithm=ALGORITHMS[str(request.param)], batch=2)
    issue(asked, pki.oslo_signer, Alone(), path)
    return path


def same(certificate: x509.Certificate, key: Any) -> bool:
    return bool(certificate.public_key() == key.public_key())


def test_pem_folders_are_what_issue_makes(made: Path, tmp_path: Path, line: Any, pki: Any) -> None:
    out = tmp_path / "out"
    assert write(devices(made, line.opener), out, "pem", Options()) == 3
    assert sorted(path.name for path in out.iterdir()) == ["reefer:1", "reefer:2", "reefer:3"]
    for folder in out.iterdir():
        leaf, issuer = x509.load_pem_x509_certificates((folder / "leaf.pem").read_bytes())
        assert same(leaf, serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None))
        assert issuer == pki.oslo
        assert (folder.stat().st_mode & 0o777, (folder / "key.pem").stat().st_mode & 0o777) == (0o700, 0o600)
    assert out.stat().st_mode & 0o777 == 0o700


def test_pkcs12_opens_with_its_passphrase_alone(made: Path, tmp_path: Path, line: Any, pki: Any) -> None:
    out = tmp_path / "out"
    write(devices(made, line.opener, ["reefer:2"]), out, "pkcs12", QUICK)
    (path,) = out.iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == ("reefer:2.p12", 0o600)
    key, leaf, more = pkcs12.load_key_and_certificates(path.read_bytes(), SECRET)
    assert leaf is not None
    assert same(leaf, key)
    assert more == [pki.oslo]
    with pytest.raises(ValueError, match="Invalid password"):
        pkcs12.load_key_and_certificates(path.read_bytes(), b"another passphrase")


def test_openssl_reads_pkcs12_and_shows_strong_parameters(bundle: Path, tmp_path: Path, line: Any) -> None:
    out = tmp_path / "out"
    write(devices(bundle, line.opener, ["reefer-001"]), out, "pkcs12", QUICK)
    command = ["openssl", "pkcs12", "-in", str(out / "reefer-001.p12"), "-info", "-nodes"]
    command += ["-passin", "env:SECRET"]
    variables = {**os.environ, "SECRET": SECRET.decode()}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    told = re.sub(r"\s+", " ", done.stderr)
    assert f"MAC: sha256, Iteration {MIN_ITERATIONS}" in told
    assert told.count(f"PBES2, PBKDF2, AES-256-CBC, Iteration {MIN_ITERATIONS}, PRF hmacWithSHA256") == 2
    assert "PRIVATE KEY" in done.stdout


def test_the_mac_of_pkcs12_is_that_of_rfc_7292() -> None:
    """`cryptography` checks it: were the derivation another, no passphrase would open the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    for secret in ("æøå, twelve or more", "x" * 200):
        encryption = serialization.BestAvailableEncryption(secret.encode())
        data = pkcs12.serialize_key_and_certificates(b"a", key, None, None, encryption)
        slow = mac.strengthened(data, secret.encode(), 5000)
        found, _, _ = pkcs12.load_key_and_certificates(slow, secret.encode())
        assert found is not None
        assert found.public_key() == key.public_key()


@pytest.mark.parametrize("weak", [Options(b"short", MIN_ITERATIONS), Options(SECRET, 2048)])
def test_weak_pkcs12_is_refused(bundle: Path, tmp_path: Path, line: Any, weak: Options) -> None:
    with pytest.raises((PassphraseError, BulkError)):
        write(devices(bundle, line.opener), tmp_path / "out", "pkcs12", weak)
    assert not (tmp_path / "out").exists()


def test_c_headers_compile_and_hold_the_identity(made: Path, tmp_path: Path, line: Any, pki: Any) -> None:
    out = tmp_path / "out"
    write(devices(made, line.opener, ["reefer:1"]), out, "c-header", Options())
    header = (out / "reefer:1.h").read_text()
    found = {
        name: bytes(int(byte, 16) for byte in re.findall("0x([0-9a-f]{2})", body))
        for name, _, body in re.findall(r"unsigned char (\w+)\[(\d+)\] = \{([^}]*)\}", header)
    }
    leaf = x509.load_der_x509_certificate(found["muster_certificate_der"])
    assert same(leaf, serialization.load_der_private_key(found["muster_private_key_der"], None))
    assert x509.load_der_x509_certificate(found["muster_issuer_der"]) == pki.oslo
    assert '#define MUSTER_REGISTRATION_ID "reefer:1"' in header
    assert "#ifndef MUSTER_REEFER_1_H" in header


def test_nvs_is_what_espressifs_tool_reads(made: Path, tmp_path: Path, line: Any) -> None:
    """Rules of nvs_partition_gen.py: a namespace first, keys of at most 15 characters, known types."""
    out = tmp_path / "out"
    write(devices(made, line.opener, ["reefer:3"]), out, "nvs", Options())
    with (out / "reefer:3.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0].values()) == ["muster", "namespace", "", ""]
    assert all(len(row["key"]) <= 15 and row["type"] == "data" for row in rows[1:])
    assert {row["encoding"] for row in rows[1:]} <= {"string", "base64"}
    found = {row["key"]: row["value"] for row in rows}
    leaf = x509.load_der_x509_certificate(base64.b64decode(found["cert"]))
    assert same(leaf, serialization.load_der_private_key(base64.b64decode(found["key"]), None))
    assert found["device_id"] == "reefer:3"


def test_experimental_keys_in_every_form(tmp_path: Path, commissioned: Any, pki: Any, line: Any) -> None:
    path = tmp_path / "a.bundle"
    issue(commissioned(Range("r-{}", 1), algorithm=ALGORITHMS["ml-dsa-44"]), pki.oslo_signer, Alone(), path)
    for form in ("pem", "c-header", "nvs"):
        assert write(devices(path, line.opener), tmp_path / form, form, Options()) == 1
    with pytest.raises(BulkError, match="does not take keys of kind ML-DSA-44"):
        write(devices(path, line.opener), tmp_path / "p12", "pkcs12", QUICK)
    assert not (tmp_path / "p12").exists()


def test_devices_that_have_their_keys_themselves(tmp_path: Path, pki: Any, line: Any) -> None:
    folder, path = tmp_path / "requests", tmp_path / "a.bundle"
    folder.mkdir()
    made = requests.make(FileSigner(ALGORITHMS["ec-p256"].generate()), assemble.subject("own-1"))
    (folder / "own-1.csr").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    issue(Commission(RequestFolder(folder), pki.oslo), pki.oslo_signer, Alone(), path)
    assert write(devices(path, None), tmp_path / "pem", "pem", Options()) == 1
    assert [each.name for each in (tmp_path / "pem" / "own-1").iterdir()] == ["leaf.pem"]
    for form in FORMS.keys() - {"pem"}:
        with pytest.raises(BulkError, match="only the device has it"):
            write(devices(path, None), tmp_path / form, form, QUICK)
    with pytest.raises(SealError, match="no identity is needed"):
        next(devices(path, line.opener))


def test_only_what_is_there(bundle: Path, tmp_path: Path, line: Any) -> None:
    found = [device.registration_id for device in devices(bundle, line.opener, ["reefer-019", "REEFER-002"])]
    assert found == ["reefer-002", "reefer-019"]
    with pytest.raises(BulkError, match="has no device none, other"):
        write(devices(bundle, line.opener, ["other", "none"]), tmp_path / "out", "pem", Options())
    assert not (tmp_path / "out").exists()


def test_an_output_that_exists(bundle: Path, tmp_path: Path, line: Any) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(ExistsError):
        write(devices(bundle, line.opener), tmp_path / "out", "pem", Options())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_another_lines_identity_opens_nothing(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    new_identity(other)
    with pytest.raises(SealError, match="another line"):
        write(devices(bundle, Opener(other)), tmp_path / "out", "pem", Options())
    with pytest.raises(SealError, match="give the identity"):
        next(devices(bundle, None))
    assert not (tmp_path / "out").exists()


class Gone:
    """A signer that signs twelve times."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._left = inner, 12

    def public_key(self) -> Any:
        return self._inner.public_key()

    def sign(self, data: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise SignerUnavailableError("gone")
        return bytes(self._inner.sign(data))


def test_nothing_leaves_an_unfinished_bundle(tmp_path: Path, commissioned: Any, pki: Any, line: Any) -> None:
    path = tmp_path / "a.bundle"
    with pytest.raises(StoppedError):
        issue(commissioned(), Gone(pki.oslo_signer), Alone(), path)
    with pytest.raises(UnfinishedBundleError, match="--resume"):
        write(devices(path, line.opener), tmp_path / "out", "pem", Options())


def rewritten(bundle: Path, path: Path, sealed: Any) -> Path:
    """A bundle that is chained well, by somebody who has no keys but can seal."""
    whole = Bundle.open(bundle)
    writer = FlatWriter.create(path, whole.job)
    for batch in Bundle.batches(bundle):
        pairs = [(record.registration_id, record.certificate) for record in batch.records]
        body = encode_batch(batch.number, batch.first, pairs, sealed(batch))
        writer.append(body, decode_batch(body))
    writer.finish()
    writer.close()
    return path


def test_keys_that_are_not_their_certificates(bundle: Path, tmp_path: Path, line: Any) -> None:
    first = next(iter(Bundle.batches(bundle)))
    seal = Sealer(line.recipient).seal
    cases = {
        "batch 0": lambda _: first.sealed,
        "not those of its records": lambda _: seal(b""),
        "keys are not those": lambda batch: seal(batch.number.to_bytes(4, "big")),
        "does not open": lambda _: b"junk",
    }
    for number, (told, sealed) in enumerate(cases.items()):
        copy = rewritten(bundle, tmp_path / f"{number}.bundle", sealed)
        with pytest.raises((DamagedBundleError, SealError), match=told):
            list(devices(copy, line.opener))


def test_no_repr_and_no_error_shows_a_key(bundle: Path, line: Any) -> None:
    device = next(devices(bundle, line.opener))
    assert device.key is not None
    number = device.key.private_numbers().private_value  # type: ignore[union-attr]
    assert str(number) not in repr(device)
    assert "AGE-SECRET" not in repr(line.opener)
    assert SECRET.decode() not in repr(QUICK)


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (b"", 0o600, "holds no age identity"),
        (b"# nothing\n", 0o600, "holds no age identity"),
        (b"AGE-SECRET-KEY-1NONSENSE\n", 0o600, "no age identity"),
        (b"\xff\xfe\n", 0o600, "no age identity"),
        (b"x", 0o640, "mode 0640, so others can read it: chmod 600"),
    ],
)
def test_identities_that_are_none(text: bytes, mode: int, told: str, tmp_path: Path) -> None:
    path = tmp_path / "line.key"
    path.write_bytes(text)
    path.chmod(mode)
    with pytest.raises(SealError, match=told) as caught:
        Opener(path)
    assert "NONSENSE" not in str(caught.value)
    with pytest.raises(SealError, match="No such file"):
        Opener(tmp_path / "none")


def test_an_identity_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "line.key"
    recipient = new_identity(path)
    assert Opener(path).recipients == (recipient,)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ExistsError):
        new_identity(path)
    assert Opener(path).recipients == (recipient,)
