"""Runs the real engine on stack `local`: makes the stack, brings it up, reads its outputs.

The engine's own text goes to a log; what it does is read from its event log (`--event-log`, which the
Automation API uses too), so that progress and the summary never depend on how text looks.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.local.errors import DeploymentError, with_log
from cli.local.layout import STACK, Layout
from cli.local.progress import Step

_POLL_SECONDS = 0.1
#: The engine hides `--event-log` without it; the Automation API sets it too.
_EVENT_LOG_FLAG = {"PULUMI_DEBUG_COMMANDS": "true"}
_VERBS = {
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "replace": "replacing",
    "create-replacement": "replacing",
    "delete-replaced": "deleting the old",
    "same": "checking",
    "refresh": "reading",
    "import": "taking over",
}


@dataclass
class Outcome:
    """What one `pulumi up` did: resources by operation, and by type too, what went wrong, the outputs."""

    changes: Counter[str] = field(default_factory=Counter)
    touched: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Tell whether anything but `same` was done."""
        return any(count for operation, count in self.changes.items() if operation != "same")

    def describe(self) -> str:
        """Say it in a few words: `11 created, 2 unchanged`."""
        words = {"create": "created", "update": "updated", "delete": "deleted", "same": "unchanged"}
        parts = [f"{count} {words.get(name, name)}" for name, count in sorted(self.changes.items()) if count]
        return ", ".join(parts) or "nothing to do"


@dataclass(frozen=True)
class Deployment:
    """The stack `local` of a project, and the environment that the engine runs in."""

    layout: Layout
    environment: Mapping[str, str]

    def ensure_stack(self) -> None:
        """Make the stack in the backend when it is not there."""
        if not self.stack_file().exists():
            self.run("stack", "init", STACK)

    def up(self, step: Step) -> Outcome:
        """Make the resources as the stack file says. Raises DeploymentError with the engine's diagnostics."""
        events = self.layout.state / "pulumi-events.jsonl"
        events.unlink(missing_ok=True)
        outcome = Outcome()
        arguments = ("up", "--yes", "--skip-preview", "--suppress-outputs", "--event-log", str(events))
        with self.layout.deployment_log.open("wb") as log:
            process = subprocess.Popen(
                self._command(*arguments),
                cwd=self.layout.project,
                env={**self.environment, **_EVENT_LOG_FLAG},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                for event in follow(events, process):
                    _take(event, outcome, step)
            except KeyboardInterrupt:
                # The engine got the Ctrl-C too and ends in its own order; a second signal would cut it short.
                process.wait()
                raise
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if process.returncode:
            raise DeploymentError(self._failure(outcome, process.returncode))
        step.done(outcome.describe())
        return outcome

    def run(self, *arguments: str) -> str:
        """Run a short engine command and return what it prints. Raises DeploymentError with what it said."""
        answer = subprocess.run(
            self._command(*arguments),
            cwd=self.layout.project,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise DeploymentError(f"`pulumi {' '.join(arguments)}` failed:\n{answer.stderr or answer.stdout}")
        return answer.stdout

    def stack_file(self) -> Path:
        """The stack's state in the file backend."""
        return self.layout.backend / ".pulumi" / "stacks" / self.project_name() / f"{STACK}.json"

    def project_name(self) -> str:
        """The project's name, as Pulumi.yaml gives it."""
        for line in (self.layout.project / "Pulumi.yaml").read_text().splitlines():
            if line.startswith("name:"):
                return line.removeprefix("name:").split("#")[0].strip().strip("'\"")
        raise DeploymentError(f"{self.layout.project / 'Pulumi.yaml'} has no name.")

    def _command(self, *arguments: str) -> list[str]:
        stack = () if arguments[:2] == ("stack", "init") else ("--stack", STACK)
        program = str(self.layout.tools / "bin" / "pulumi")
        return [program, *arguments, *stack, "--non-interactive", "--color", "never"]

    def _failure(self, outcome: Outcome, code: int) -> str:
        if code < 0:
            return f"The engine was ended by signal {-code}. Run `make up` again: it finishes the work."
        if outcome.errors:
            return "\n".join(["`pulumi up` failed:", *outcome.errors])
        return with_log(f"`pulumi up` failed with exit code {code}.", self.layout.deployment_log)


def follow(events: Path, process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the engine's events as it writes them, until it has ended and all are read."""
    position, rest = 0, b""
    ended = False
    while not ended:
        ended = process.poll() is not None
        if events.exists():
            with events.open("rb") as file:
                file.seek(position)
                fresh = file.read()
            position += len(fresh)
            *lines, rest = (rest + fresh).split(b"\n")
            yield from map(json.loads, lines)
        if not ended:
            time.sleep(_POLL_SECONDS)


def _take(event: Mapping[str, Any], outcome: Outcome, step: Step) -> None:
    if "resourcePreEvent" in event:
        metadata = event["resourcePreEvent"]["metadata"]
        kind, name = metadata["type"], metadata["urn"].rsplit("::", 1)[-1]
        step.update(f"{_VERBS.get(metadata['op'], metadata['op'])} {kind} {name}")
    elif "resOutputsEvent" in event:
        _take_resource(event["resOutputsEvent"]["metadata"], outcome)
    elif "diagnosticEvent" in event:
        _take_diagnostic(event["diagnosticEvent"], outcome)
    elif "summaryEvent" in event:
        outcome.changes.update(event["summaryEvent"].get("resourceChanges") or {})


def _take_resource(metadata: Mapping[str, Any], outcome: Outcome) -> None:
    if metadata["type"] == "pulumi:pulumi:Stack":
        outcome.outputs = (metadata.get("new") or {}).get("outputs") or {}
    elif metadata["op"] != "same":
        outcome.touched[metadata["op"], metadata["type"]] += 1


def _take_diagnostic(diagnostic: Mapping[str, Any], outcome: Outcome) -> None:
    if diagnostic.get("severity") != "error":
        return
    name = diagnostic.get("urn", "").rsplit("::", 1)[-1]
    text = f"{name}: {diagnostic['message'].strip()}" if name else diagnostic["message"].strip()
    if text not in outcome.errors:
        outcome.errors.append(text)
