"""Programs that stand in for `pulumi` and `go` on a PATH of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Put = Callable[..., Path]

#: Leaves out the Go of the machine: the fake one must be all there is.
SYSTEM = "/usr/bin:/bin"


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write an executable shell script: put("one/pulumi", "echo v3.300.0")."""

    def write(name: str, body: str = "") -> Path:
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return program

    return write


@pytest.fixture(autouse=True)
def only_go_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders where Go's installer puts it do not count in tests."""
    monkeypatch.setattr("engine.search.GO_FOLDERS", ())
