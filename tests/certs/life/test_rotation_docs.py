"""docs/certs/rotation.md does what it says: its commands run, in order; its OCSP command answers."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from certs import passphrase
from certs.life.renewal import OVERLAP_DAYS
from certs.life.revocation import LIST_DAYS
from cli.certs import certs
from cli.certs.life import DEFAULT_PARTITIONS

PAGE = (Path(__file__).parents[3] / "docs" / "certs" / "rotation.md").read_text()


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(passphrase.FILE_VARIABLE, raising=False)
    monkeypatch.delenv("MUSTER_KEY_STORE", raising=False)
    monkeypatch.setenv(passphrase.VARIABLE, "only for this test")
    lines = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    assert len(lines) == 17
    for line in lines:
        muster, group, *arguments = shlex.split(line)
        assert (muster, group) == ("muster", "certs")
        done = CliRunner().invoke(certs, arguments)
        assert done.exit_code == 0, f"{line}\n{done.output}"


def test_the_figures_are_right() -> None:
    assert f"(`--overlap`, {OVERLAP_DAYS} days)" in PAGE
    assert f"({DEFAULT_PARTITIONS:,} unless told)" in PAGE
    assert LIST_DAYS == 7
    assert "Lists are good for seven days" in PAGE
