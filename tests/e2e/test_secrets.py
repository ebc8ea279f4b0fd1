"""No secret that was generated stands in clear anywhere but in the file that is its place."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.conftest import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]

#: AWS' own side: SigV4 is checked with the very secret that a client signs with; and its CA's key.
OF_AWS = ("aws.sqlite", "aws.sqlite-wal", "iot-ca.pem")

#: A key in any wrapping: 24 bytes of it are proof enough.
_PIECE = 24


def passphrases(stack: Workspace) -> Iterator[bytes]:
    for name in ("pulumi-passphrase", "key-passphrase"):
        yield (stack.state / name).read_bytes()


def forms(number: int) -> Iterator[bytes]:
    """A private key's number as bytes, hexadecimal, and the three ways that base64 may cut it."""
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode())
    for shift in range(3):
        yield base64.b64encode(bytes(shift) + raw)[4 if shift else 0 :][:_PIECE]


def private_keys(stack: Workspace) -> Iterator[bytes]:
    passphrase = (stack.state / "key-passphrase").read_bytes()
    for file in stack.state.glob("pki/keys/*.pem"):
        yield from _numbers(file, passphrase)
    for file in (*stack.state.glob("devices/**/key.pem"), *stack.state.glob("claims/**/key.pem")):
        yield from _numbers(file, None)
    for file in stack.state.glob("cloud/**/*.key"):
        yield from _numbers(file, None)


def _numbers(file: Path, passphrase: bytes | None) -> Iterator[bytes]:
    key = serialization.load_pem_private_key(file.read_bytes(), passphrase)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    yield from forms(key.private_numbers().private_value)


def secrets(stack: Workspace) -> dict[str, list[bytes]]:
    return {
        "a passphrase": list(passphrases(stack)),
        "a private key": list(private_keys(stack)),
        "the client secret": [stack.settings()["AZURE_CLIENT_SECRET"].encode()],
        "the access key's secret": [stack.settings()["AWS_SECRET_ACCESS_KEY"].encode()],
    }


def home_of_a_secret(stack: Workspace, file: Path) -> bool:
    """The files whose purpose is to hold a secret, closed to other users."""
    place = file.relative_to(stack.state)
    if place.name in ("pulumi-passphrase", "key-passphrase", "azure.env", "aws.env", "key.pem"):
        return True
    if place.name in OF_AWS:
        return True
    return place.parts[:2] == ("pki", "keys") or (place.parts[0] == "cloud" and place.suffix == ".key")


@pytest.fixture(scope="module")
def published(stack: Workspace) -> dict[str, bytes]:
    """Everything that the stack printed or wrote, by where it stands."""
    files = [file for file in stack.root.rglob("*") if file.is_file() and not _linked(stack, file)]
    texts = {
        str(file.relative_to(stack.root)): file.read_bytes()
        for file in files
        if not (file.is_relative_to(stack.state) and home_of_a_secret(stack, file))
    }
    for command in (
        ("stack", "export", "-s", "local"),
        ("preview", "-s", "local", "--diff", "--non-interactive"),
        ("preview", "-s", "local", "--json", "--non-interactive"),
        ("stack", "output", "-s", "local", "--json"),
        ("stack", "-s", "local", "--show-urns", "--show-ids"),
    ):
        answer = stack.pulumi(*command)
        assert answer.returncode == 0, answer.stderr
        texts["pulumi " + " ".join(command)] = (answer.stdout + answer.stderr).encode()
    return texts


def _linked(stack: Workspace, file: Path) -> bool:
    return any((stack.root / part).is_symlink() for part in _heads(file.relative_to(stack.root)))


def _heads(path: Path) -> Iterator[Path]:
    yield from list(path.parents)[:-1]
    yield path


def test_no_generated_secret_stands_anywhere_in_clear(stack: Workspace, published: dict[str, bytes]) -> None:
    assert len(published) > 20
    known = secrets(stack)
    found = [
        f"{what} in {where}"
        for where, text in published.items()
        for what, pieces in known.items()
        if any(piece in text for piece in pieces)
    ]
    assert found == []


def test_the_scan_would_find_one(stack: Workspace) -> None:
    """A scan that cannot fail proves nothing: the homes of the secrets are full of them."""
    homes = [file for file in stack.state.rglob("*") if file.is_file() and home_of_a_secret(stack, file)]
    devices = [file.read_bytes() for file in homes if file.name == "key.pem"]
    assert all(
        any(piece in base64.b64encode(_der(text)) for piece in private_keys(stack)) for text in devices
    )
    held = b"".join(file.read_bytes() for file in homes)
    assert all(piece in held for piece in passphrases(stack))
    assert stack.settings()["AZURE_CLIENT_SECRET"].encode() in held


def _der(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


@pytest.mark.parametrize("kind", [rb"PRIVATE KEY-----", rb"SharedAccessKey=", rb"sharedaccesssignature sr="])
def test_nothing_looks_like_a_key_or_a_token(published: dict[str, bytes], kind: bytes) -> None:
    found = [where for where, text in published.items() if re.search(kind, text, re.IGNORECASE)]
    assert found == []


def test_files_with_secrets_are_closed_to_other_users(stack: Workspace) -> None:
    homes = [file for file in stack.state.rglob("*") if file.is_file() and home_of_a_secret(stack, file)]
    assert len(homes) > 5
    assert [file for file in homes if file.stat().st_mode & 0o077] == []
    assert stack.state.stat().st_mode & 0o077 == 0
