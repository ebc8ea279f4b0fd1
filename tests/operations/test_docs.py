"""docs/operations.md does what it says: its commands run in order, its tables are the code's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from operations import rotation
from operations.audit import Entry
from tests.operations.conftest import Authority
from tests.operations.live import Live

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "operations.md").read_text()


@pytest.mark.xdist_group("operations-live")
def test_the_examples_run(live: Live, bergen: Authority) -> None:
    devices = [live.device("reefer-7"), live.device("reefer-8", bergen), live.device("reefer-9")]
    assert all(live.registers(device) for device in devices)
    live.crl("oslo.crl", bergen, devices[1].leaf.serial_number)
    codes = {"report": 3}  # reefer-9 is left
    commands = [command for command in _commands() if not command.startswith("muster aws ")]
    assert len(commands) == 7
    for command in commands:
        muster, *words = shlex.split(command)
        assert muster == "muster"
        live.muster(*words, code=codes.get(words[1], 0))
    assert live.identity("reefer-7")["status"] == "enabled"
    assert live.identity("reefer-8")["status"] == "disabled"
    assert (live.project / "scanner-3.key").read_text().strip()


def test_the_examples_of_aws_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they do is tested in tests/cli/test_aws.py; here no project has the stack that they name."""
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    commands = [command for command in _commands() if command.startswith("muster aws ")]
    assert len(commands) == 2
    for command in commands:
        _, *words = shlex.split(command)
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 1, done.output
        assert "Pulumi.prod.yaml" in done.stderr, done.stderr


def _commands() -> list[str]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    return [line.strip() for line in "".join(blocks).splitlines()]


def test_every_standing_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", PAGE, re.MULTILINE))))
    assert set(rotation.KINDS) <= told
    assert set(Entry.__dataclass_fields__) <= told


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:operations|cli)/[\w./]+)`", PAGE)
    assert named
    assert [name for name in named if not (PROJECT / name).exists()] == []
