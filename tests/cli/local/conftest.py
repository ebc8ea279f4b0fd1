"""A project of the test's own, with small programs where the real ones would be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.local import processes
from cli.local.layout import Layout
from cli.local.progress import Step

PutProgram = Callable[[str, str], Path]


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """An empty project; every process with a pid file in it is ended after the test."""
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: tiny # of a test\nruntime: python\n")
    (project / "stacks" / "Pulumi.local.yaml").write_text("config: {}\n")
    made = Layout(project)
    made.create()
    yield made
    processes.stop([*project.rglob("*.pid"), *project.rglob("process.json")], grace_seconds=2)


@pytest.fixture
def put_program(layout: Layout) -> PutProgram:
    """Put a Python program where the project expects one: put_program(".tools/bin/pulumi", "print(1)")."""

    def put(name: str, body: str) -> Path:
        program = layout.project / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!{sys.executable}\n{body}\n")
        program.chmod(0o755)
        return program

    return put


@pytest.fixture
def step() -> Step:
    """A step that shows nothing."""
    return Step("step")
