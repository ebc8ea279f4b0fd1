"""The engine's events become progress, an outcome, and errors that a person can read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.local.deployment import Deployment
from cli.local.errors import DeploymentError
from cli.local.layout import Layout
from cli.local.progress import Step
from tests.cli.local.conftest import PutProgram

STACK_EVENT = {
    "resOutputsEvent": {
        "metadata": {"type": "pulumi:pulumi:Stack", "op": "same", "new": {"outputs": {"idScope": "0ne1"}}}
    }
}
CREATE_EVENT = {
    "resourcePreEvent": {
        "metadata": {"op": "create", "type": "a:b:C", "urn": "urn:pulumi:local::tiny::a:b:C::eu-1"}
    }
}


def engine(body: str, events: list[dict[str, Any]]) -> str:
    """A program that writes these events where it is told to, then runs the body."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    return (
        "import sys, os, signal, pathlib\n"
        "open('calls', 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "assert os.environ['PULUMI_DEBUG_COMMANDS'] == 'true'\n"
        "log = pathlib.Path(sys.argv[sys.argv.index('--event-log') + 1])\n"
        f"log.write_text({lines!r})\n{body}"
    )


@pytest.fixture
def deployment(layout: Layout) -> Deployment:
    return Deployment(layout, {"PATH": str(Path(sys.executable).parent)})


class Heard(Step):
    """A step that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__("step")
        self.heard: list[str] = []

    def update(self, text: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG002 - of Step
        self.heard.append(text)


def test_events_become_progress_and_an_outcome(deployment: Deployment, put_program: PutProgram) -> None:
    summary = {"summaryEvent": {"resourceChanges": {"create": 2, "same": 1}}}
    put_program(".tools/bin/pulumi", engine("", [CREATE_EVENT, STACK_EVENT, summary]))
    step = Heard()
    outcome = deployment.up(step)
    assert step.heard == ["creating a:b:C eu-1"]
    assert outcome.changed
    assert outcome.outputs == {"idScope": "0ne1"}
    assert step.outcome == "2 created, 1 unchanged"


def test_only_same_is_no_change(deployment: Deployment, put_program: PutProgram, step: Step) -> None:
    summary = {"summaryEvent": {"resourceChanges": {"same": 9}}}
    put_program(".tools/bin/pulumi", engine("", [summary]))
    assert not deployment.up(step).changed


def test_a_failure_shows_each_diagnostic_once(
    deployment: Deployment, put_program: PutProgram, step: Step
) -> None:
    diagnostic = {
        "severity": "error",
        "message": "name is taken\n",
        "urn": "urn:pulumi:local::tiny::a:b:C::eu-1",
    }
    warning = {"severity": "warning", "message": "by the way"}
    events = [{"diagnosticEvent": diagnostic}, {"diagnosticEvent": diagnostic}, {"diagnosticEvent": warning}]
    put_program(".tools/bin/pulumi", engine("sys.exit(255)", events))
    with pytest.raises(DeploymentError) as failed:
        deployment.up(step)
    assert str(failed.value) == "`pulumi up` failed:\neu-1: name is taken"


def test_a_failure_without_diagnostics_shows_the_end_of_the_log(
    deployment: Deployment, put_program: PutProgram, step: Step
) -> None:
    put_program(".tools/bin/pulumi", engine("print('out of memory'); sys.exit(2)", []))
    with pytest.raises(DeploymentError, match=r"exit code 2\.(.|\n)*out of memory"):
        deployment.up(step)


def test_a_killed_engine_is_named_as_such_with_what_to_do(
    deployment: Deployment, put_program: PutProgram, step: Step
) -> None:
    put_program(".tools/bin/pulumi", engine("os.kill(os.getpid(), signal.SIGKILL)", []))
    with pytest.raises(DeploymentError, match=r"ended by signal 9\. Run `make up` again"):
        deployment.up(step)


def test_the_stack_is_made_once(deployment: Deployment, put_program: PutProgram) -> None:
    put_program(".tools/bin/pulumi", "import sys; open('calls', 'a').write(' '.join(sys.argv[1:]) + '\\n')")
    deployment.ensure_stack()
    deployment.stack_file().parent.mkdir(parents=True)
    deployment.stack_file().write_text("{}")
    deployment.ensure_stack()
    calls = (deployment.layout.project / "calls").read_text()
    assert calls == "stack init local --non-interactive --color never\n"
    assert deployment.stack_file().parent.name == "tiny"


def test_a_short_command_that_fails_says_what_pulumi_said(
    deployment: Deployment, put_program: PutProgram
) -> None:
    put_program(".tools/bin/pulumi", "import sys; sys.exit('error: incorrect passphrase')")
    with pytest.raises(DeploymentError, match=r"`pulumi cancel --yes` failed:\nerror: incorrect passphrase"):
        deployment.run("cancel", "--yes")
