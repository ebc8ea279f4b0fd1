"""Every coverage-guided target runs for a moment and finds nothing; the runner does find what there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import TARGETS

PROJECT = Path(__file__).parents[2]
BROKEN = """
from pathlib import Path
from fuzz.__main__ import run
def broken(data):
    if data[:1] == b"!":
        raise ValueError("found")
run(broken, lambda: [b"?", b"!"], 5, Path(__import__("sys").argv[1]))
"""


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str, tmp_path: Path) -> None:
    done = _python("-m", "fuzz", name, "--seconds", "2", "--corpus", str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert not list(tmp_path.glob("broke-*"))
    assert len(list(tmp_path.glob("seed-*"))) >= 1


def test_what_is_broken_is_found_and_kept(tmp_path: Path) -> None:
    done = _python("-c", BROKEN, str(tmp_path))
    assert done.returncode != 0
    assert "ValueError: found" in done.stdout + done.stderr
    assert [path.read_bytes()[:1] for path in tmp_path.glob("broke-*")] == [b"!"]
