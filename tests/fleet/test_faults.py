"""Each data/Pulumi.*.yaml beside the exact words that `muster fleet check` has for it.

After a change of words: MUSTER_REWRITE=1 pytest tests/fleet/test_faults.py, then read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.fleet import fleet
from fleet import FleetError, load_stack

DATA = Path(__file__).parent / "data"
CASES = sorted(path.name for path in DATA.glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("name", CASES)
def test_exact_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DATA)
    result = CliRunner().invoke(fleet, ["check", name])
    expected = Path(name).with_suffix(".txt")
    if os.environ.get("MUSTER_REWRITE"):
        expected.write_text(result.output)
    assert result.exit_code == 1
    assert result.output == expected.read_text()


def test_ten_faults_are_ten_errors_in_one_run() -> None:
    with pytest.raises(FleetError) as caught:
        load_stack(DATA / "Pulumi.ten-faults.yaml")
    assert len(caught.value.faults) == 10
    assert len(str(caught.value).splitlines()) == 10
    for fault in caught.value.faults:
        assert fault.line is not None
        assert fault.path
        assert fault.wrong
        assert fault.right
