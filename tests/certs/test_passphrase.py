"""Passphrases: where they come from, in which order, and which sources are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from certs import passphrase
from certs.errors import PassphraseError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_bytes(b"from the file\n")
    path.chmod(0o600)
    return path


def test_order_of_sources(file: Path) -> None:
    variables = {passphrase.FILE_VARIABLE: str(file), passphrase.VARIABLE: "from the variable"}
    other = file.with_name("other")
    other.write_bytes(b"from the other file\r\n")
    other.chmod(0o400)
    assert passphrase.read(other, variables, prompt=_never) == b"from the other file"
    assert passphrase.read(None, variables, prompt=_never) == b"from the file"
    del variables[passphrase.FILE_VARIABLE]
    assert passphrase.read(None, variables, prompt=_never) == b"from the variable"
    assert passphrase.read(None, {}, prompt=lambda: "from the prompt") == b"from the prompt"


def _never() -> str:
    raise AssertionError("asked without need")


def test_the_processes_own_environment(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv(passphrase.FILE_VARIABLE, str(file))
    assert passphrase.read() == b"from the file"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(PassphraseError, match=f"mode {mode:04o}.*chmod 600") as caught:
        passphrase.read(file)
    assert "from the file" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 5000])
def test_a_file_with_no_sensible_content(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(PassphraseError, match="passphrase file"):
        passphrase.read(file)


def test_no_source(tmp_path: Path) -> None:
    with pytest.raises(PassphraseError, match="No such file"):
        passphrase.read(tmp_path / "none", {})
    with pytest.raises(PassphraseError, match="no passphrase: set"):
        passphrase.read(None, {})
    with pytest.raises(PassphraseError, match="prompt gave an empty"):
        passphrase.read(None, {}, prompt=str)


def test_strength_counts_characters() -> None:
    passphrase.check_strength("æøåæøåæøåæøå".encode())
    with pytest.raises(PassphraseError, match="has 11 characters"):
        passphrase.check_strength("æøåæøåæøåæø".encode())
