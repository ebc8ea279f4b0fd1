"""docs/certs/factory-line.md does what it says: its commands and its Python run, in their order."""

from __future__ import annotations

import hashlib
import re
import shlex
import struct
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from certs import passphrase
from certs.bulk import commission, frames
from certs.bulk.exports.forms import FORMS, ITERATIONS, MIN_ITERATIONS, NVS_NAMESPACE
from certs.bulk.sealing import Opener
from cli.certs import certs
from cli.certs.line import VARIABLE

PAGE = Path(__file__).parents[3] / "docs" / "certs" / "factory-line.md"
TEXT = PAGE.read_text()


def blocks(language: str) -> str:
    return "".join(re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL))


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(passphrase.FILE_VARIABLE, raising=False)
    monkeypatch.delenv("MUSTER_KEY_STORE", raising=False)
    monkeypatch.setenv(passphrase.VARIABLE, "only for this test")
    monkeypatch.setenv(VARIABLE, "for the line alone")
    Path("devices.csv").write_text("registration_id,site\nreefer-a,Oslo\nreefer-b,Bergen\n")
    Path("requests").mkdir()
    lines = blocks("sh").splitlines()
    assert len(lines) > 10
    for line in lines:
        run(line)
    exec(compile(blocks("python"), str(PAGE), "exec"), {})  # noqa: S102 - the page's own example
    assert capsys.readouterr().out.splitlines()[0].startswith("reefer-a ")
    assert sorted(path.name for path in Path("flash-pem").iterdir()) == ["reefer-a", "reefer-b"]
    assert sorted(path.name for path in tmp_path.glob("flash-*/*.*")) == [
        "reefer-000007.p12",
        "reefer-a.csv",
        "reefer-a.h",
        "reefer-b.h",
    ]
    assert [path.name for path in Path("own/own-1").iterdir()] == ["leaf.pem"]


def run(line: str) -> None:
    recipient = Opener(Path("line.key")).recipients[0] if Path("line.key").exists() else ""
    words = shlex.split(line.replace("RECIPIENT", recipient))
    if words[0] == "openssl":
        subprocess.run(words, check=True, capture_output=True)
        return
    assert words[:2] == ["muster", "certs"]
    done = CliRunner().invoke(certs, words[2:])
    assert done.exit_code == 0, f"{line}\n{done.output}"


def test_what_the_page_says_of_the_numbers_is_right() -> None:
    text = " ".join(TEXT.split())
    assert f"`--batch`, {commission.BATCH} devices, {commission.BATCH_RSA} with RSA keys" in text
    assert f"{ITERATIONS:,} rounds" in text
    assert f"down to {MIN_ITERATIONS:,}." in text
    assert all(f"| `{form}` |" in TEXT for form in FORMS)
    assert f"namespace `{NVS_NAMESPACE}`" in TEXT


def test_what_the_page_says_of_the_format_is_right(bundle: Path) -> None:
    """Read by the page alone: struct and hashlib, none of our code."""
    data = bundle.read_bytes()
    assert '"muster bundle 1\\n"' in TEXT
    assert data.startswith(frames.MAGIC)
    head, at, kinds = hashlib.sha256(b"muster bundle 1\n").digest(), 16, ""
    while at < len(data):
        kind, length = struct.unpack(">cI", data[at : at + 5])
        body = data[at + 5 : at + 5 + length]
        head = hashlib.sha256(head + data[at : at + 5] + body).digest()
        assert data[at + 5 + length : at + 37 + length] == head
        kinds += kind.decode()
        at += 37 + length
    assert kinds == "SBBBE"
    assert all(f"\n{kind} " in TEXT for kind in "SBNE")
