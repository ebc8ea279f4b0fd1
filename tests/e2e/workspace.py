"""A copy of the project in a folder of its own, where `muster up` runs as a person would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Workspace:
    """A project folder with everything that `muster up` needs."""

    root: Path

    @property
    def state(self) -> Path:
        """The local state."""
        return self.root / ".muster" / "local"

    def environment(self) -> dict[str, str]:
        """A person's environment: no Pulumi, no cloud account, ports that nobody else has."""
        foreign = ("PULUMI_", "AZURE_", "ARM_", "AWS_", "MUSTER_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {"MUSTER_PORTS": "0,0,0", "NO_COLOR": "1"}

    def muster(self, *arguments: str, ports: str = "0,0,0", **told: str) -> subprocess.CompletedProcess[str]:
        """Run a muster command to its end; `told` are further environment variables."""
        command = [str(Path(sys.executable).with_name("muster")), *arguments]
        return self._run(command, MUSTER_PORTS=ports, **told)

    def start_up(self, devices: int, **told: str) -> subprocess.Popen[str]:
        """Start `muster up` and return while it works."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("muster")), "up", "--devices", str(devices)],
            cwd=self.root,
            env=self.environment() | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run plain pulumi as a person does after `source .tools/env`."""
        return self._run(["/bin/sh", "-c", '. ./.tools/env && exec pulumi "$@"', "pulumi", *arguments])

    def summary(self) -> dict[str, Any]:
        """What the last `up` wrote for programs."""
        document: dict[str, Any] = json.loads((self.state / "summary.json").read_text())
        return document

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        document: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "-s", "local").stdout)
        return document

    def settings(self) -> dict[str, str]:
        """The credentials of both clouds and the proxy, as the local cloud and `up` wrote them."""
        lines = [
            line
            for file in (*(self.state / "cloud").glob("*.env"), self.state / "proxy.env")
            for line in file.read_text().splitlines()
        ]
        return dict(line.split("=", 1) for line in lines)

    def _run(self, command: list[str], **told: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment() | told
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
