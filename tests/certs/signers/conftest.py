"""Signers' other sides: SoftHSM2 tokens, the AWS emulator's KMS, a server in the shape of Key Vault."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
SOFTHSM = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/opt/homebrew/lib/softhsm/libsofthsm2.so"),
]


@dataclass(frozen=True)
class Token:
    module: Path
    label: str
    pin: str
    unopened: str
    """The label of a token that nobody logs in to. A module lists its tokens once, so both come first."""


def _made(label: str) -> str:
    program = shutil.which("softhsm2-util")
    assert program, "SoftHSM2 is missing: `make softhsm` installs it"
    pin = str(secrets.randbelow(10**8)).rjust(8, "0")
    command = [program, "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", pin]
    subprocess.run(command, check=True, capture_output=True)
    return pin


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Token]:
    """A fresh SoftHSM2 token. The module reads SOFTHSM2_CONF once, so there is one a process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    module = next((path for path in SOFTHSM if path.exists()), None)
    assert module, "SoftHSM2's module is missing: `make softhsm` installs it"
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    _made("unopened")
    yield Token(module, "muster", _made("muster"), "unopened")
    os.environ.pop("SOFTHSM2_CONF") if before is None else os.environ.update(SOFTHSM2_CONF=before)


@pytest.fixture
def kms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The region of the AWS emulator's KMS, which boto3 finds through its environment."""
    port = _free_port()
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "kms", "TMPDIR": str(tmp_path)}
    command = [PROJECT / ".tools" / "aws" / "bin" / "ministack"]
    with (tmp_path / "ministack.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log, cwd=tmp_path)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_ministack/health", process)
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secrets.token_hex(8))
        yield "eu-north-1"
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the emulator ended"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer")
