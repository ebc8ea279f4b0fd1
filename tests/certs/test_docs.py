"""docs/certs.md does what it says: its commands and its Python run, in order; its table is right."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from certs import passphrase, profiles
from cli.certs import certs

PAGE = (Path(__file__).parents[2] / "docs" / "certs.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(passphrase.FILE_VARIABLE, raising=False)
    monkeypatch.delenv("MUSTER_KEY_STORE", raising=False)
    monkeypatch.setenv(passphrase.VARIABLE, "only for this test")
    for line in "".join(_blocks("sh")).splitlines():
        muster, group, *arguments = shlex.split(line)
        assert (muster, group) == ("muster", "certs")
        done = CliRunner().invoke(certs, arguments)
        assert done.exit_code == 0, f"{line}\n{done.output}"
    monkeypatch.setenv("MUSTER_KEY_STORE", "pki/keys")
    for block in _blocks("python"):
        exec(compile(block, "docs/certs.md", "exec"), {})  # noqa: S102 - the page's own example
    assert (tmp_path / "devices" / "reefer-2" / "leaf.pem").is_file()


def test_the_table_gives_the_profiles_days() -> None:
    found = (profiles.ROOT, profiles.ISSUER, profiles.DEVICE, profiles.POSSESSION)
    assert f"| days | {' | '.join(str(profile.days) for profile in found)} |" in PAGE
