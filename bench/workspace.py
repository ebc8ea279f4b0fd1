"""A project folder of the benchmarks' own, with a stack that is up: nobody's local state is touched."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.one_cloud import Cloud, alone
from cli.local import environment
from cli.local.layout import Layout

PROJECT = Path(__file__).parent.parent
_COPIED = ("Pulumi.yaml", "__main__.py", ".tools/engine.json")
_LINKED = ("provider", ".venv", ".tools/bin")


@dataclass(frozen=True)
class Workspace:
    """A project folder where `muster up` has run."""

    root: Path

    @property
    def layout(self) -> Layout:
        """Where its files lie."""
        return Layout(self.root)

    @property
    def endpoints(self) -> dict[str, Any]:
        """What the local cloud says of itself: proxy, ports, pid."""
        found: dict[str, Any] = json.loads((self.layout.cloud / "endpoints.json").read_text())
        return found

    def environment(self) -> dict[str, str]:
        """What child processes of the local stack get."""
        return environment.variables(self.layout, str(self.endpoints["proxy"]))

    def pulumi(self, *arguments: str, folder: Path | None = None, stack: str = "local", **told: str) -> str:
        """Run the engine and return what it printed. Raises RuntimeError with the output in it.

        `told` are further environment variables.
        """
        command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
        return _run(command, folder or self.root, self.environment() | told)

    def up(self, devices: int) -> None:
        """Run `muster up` here."""
        _run([str(self.root / ".venv/bin/muster"), "up", "--devices", str(devices)], self.root, _plain())

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json"))
        return found


@contextmanager
def started(devices: int, cloud: Cloud | None = None) -> Iterator[Workspace]:
    """A new workspace with that many devices up on each cloud, or on one alone; taken down and removed at the
    end.
    """
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        workspace = Workspace(Path(folder))
        lay_out(workspace.root)
        if cloud is not None:
            file = workspace.root / "stacks" / "Pulumi.local.yaml"
            document = alone(yaml.safe_load(file.read_text()), cloud)
            file.write_text(yaml.safe_dump(document, sort_keys=False))
        try:
            workspace.up(devices)
            yield workspace
        finally:
            _run([str(workspace.root / ".venv/bin/muster"), "down"], workspace.root, _plain())


def lay_out(root: Path) -> None:
    """Make a project folder of the same program, stacks and tools, where another state can live."""
    (root / ".tools").mkdir()
    for name in _COPIED:
        shutil.copy(PROJECT / name, root / name)
    for name in _LINKED:
        (root / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "stacks", root / "stacks")


def _plain() -> dict[str, str]:
    return {**os.environ, "MUSTER_PORTS": "0,0,0", "NO_COLOR": "1"}


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout
