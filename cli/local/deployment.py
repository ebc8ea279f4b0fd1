"""Runs the real engine on a stack: makes the stack, previews it, brings it up, reads its outputs.

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
_DONE = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
}


@dataclass
class Outcome:
    """What one `pulumi up` did, or would do.

    Resources by operation; operation and type of each that is not left alone, by its URN; what the providers
    said of it; what went wrong; the outputs.
    """

    changes: Counter[str] = field(default_factory=Counter)
    operations: dict[str, tuple[str, str]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> Counter[tuple[str, str]]:
        """How many resources of a type an operation was done to."""
        return Counter(self.operations.values())

    @property
    def changed(self) -> bool:
        """Tell whether anything but `same` was done."""
        return any(count for operation, count in self.changes.items() if operation != "same")

    def describe(self, mood: str = "") -> str:
        """Say it in a few words: `11 created, 2 unchanged`, or `11 would be created`."""
        parts = [
            f"{count} {mood}{_DONE.get(name, name)}" for name, count in sorted(self.changes.items()) if count
        ]
        return ", ".join(parts) or "nothing to do"


@dataclass(frozen=True)
class Deployment:
    """A stack of a project, by default `local`, and the environment that the engine runs in."""

    layout: Layout
    environment: Mapping[str, str]
    stack: str = STACK

    def ensure_stack(self) -> None:
        """Make the stack in the backend when it is not there."""
        if not self.stack_file().exists():
            self.run("stack", "init", self.stack)

    def up(self, step: Step) -> Outcome:
        """Make the resources as the stack file says. Raises DeploymentError with the engine's diagnostics."""
        outcome = self._followed(
            "up", ("--yes", "--skip-preview", "--suppress-outputs"), self.layout.deployment_log, step
        )
        step.done(outcome.describe())
        return outcome

    def preview(self, log: Path, step: Step) -> Outcome:
        """Tell what `up` would do. Raises DeploymentError with the engine's diagnostics."""
        outcome = self._followed("preview", ("--suppress-outputs",), log, step)
        step.done(outcome.describe("would be "))
        return outcome

    def _followed(self, command: str, options: tuple[str, ...], log_file: Path, step: Step) -> Outcome:
        """Run a long engine command and follow its events; its own text goes to `log_file`."""
        events = log_file.with_name("pulumi-events.jsonl")
        events.unlink(missing_ok=True)
        outcome = Outcome()
        arguments = (command, *options, "--event-log", str(events))
        with log_file.open("wb") as log:
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
            raise DeploymentError(self._failure(command, outcome, process.returncode, log_file))
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
        return self.layout.backend / ".pulumi" / "stacks" / self.project_name() / f"{self.stack}.json"

    def project_name(self) -> str:
        """The project's name, as Pulumi.yaml gives it."""
        for line in (self.layout.project / "Pulumi.yaml").read_text().splitlines():
            if line.startswith("name:"):
                return line.removeprefix("name:").split("#")[0].strip().strip("'\"")
        raise DeploymentError(f"{self.layout.project / 'Pulumi.yaml'} has no name.")

    def _command(self, *arguments: str) -> list[str]:
        stack = () if arguments[:2] == ("stack", "init") else ("--stack", self.stack)
        program = str(self.layout.tools / "bin" / "pulumi")
        return [program, *arguments, *stack, "--non-interactive", "--color", "never"]

    def _failure(self, command: str, outcome: Outcome, code: int, log: Path) -> str:
        if code < 0:
            return f"The engine was ended by signal {-code}. Run `make up` again: it finishes the work."
        if outcome.errors:
            return "\n".join([f"`pulumi {command}` failed:", *outcome.errors])
        return with_log(f"`pulumi {command}` failed with exit code {code}.", log)


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
        outcome.operations[metadata["urn"]] = metadata["op"], metadata["type"]


def _take_diagnostic(diagnostic: Mapping[str, Any], outcome: Outcome) -> None:
    told = {"error": outcome.errors, "warning": outcome.notices, "info": outcome.notices}
    texts = told.get(str(diagnostic.get("severity")))
    name = diagnostic.get("urn", "").rsplit("::", 1)[-1]
    text = f"{name}: {diagnostic['message'].strip()}" if name else diagnostic["message"].strip()
    if texts is not None and text not in texts:
        texts.append(text)
