"""docs/operations.md does what it says: its commands run in order, its tables are the code's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

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
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    commands = [line.strip() for line in "".join(blocks).splitlines()]
    assert len(commands) == 7
    for command in commands:
        muster, *words = shlex.split(command)
        assert muster == "muster"
        live.muster(*words, code=codes.get(words[1], 0))
    assert live.identity("reefer-7")["status"] == "enabled"
    assert live.identity("reefer-8")["status"] == "disabled"
    assert (live.project / "scanner-3.key").read_text().strip()


def test_every_standing_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", PAGE, re.MULTILINE))))
    assert set(rotation.KINDS) <= told
    assert set(Entry.__dataclass_fields__) <= told


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:operations|cli)/[\w./]+)`", PAGE)
    assert named
    assert [name for name in named if not (PROJECT / name).exists()] == []
