"""What a killed engine left is found and cleared; a living one is waited for."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.local import recovery
from cli.local.deployment import Deployment
from cli.local.errors import BusyError
from cli.local.layout import Layout
from cli.local.progress import Step
from tests.cli.local.conftest import PutProgram

NOBODY = 2**22 - 1
URN = "urn:pulumi:local::tiny::a:b:C::one"


@pytest.fixture
def deployment(layout: Layout, put_program: PutProgram) -> Deployment:
    put_program(".tools/bin/pulumi", "import sys; open('calls', 'a').write(' '.join(sys.argv[1:]) + '\\n')")
    return Deployment(layout, {"PATH": str(Path(sys.executable).parent)})


def calls(deployment: Deployment) -> list[str]:
    file = deployment.layout.project / "calls"
    return [line.split(" --stack")[0] for line in file.read_text().splitlines()] if file.exists() else []


def lock(deployment: Deployment, pid: int, taken: datetime) -> Path:
    folder = deployment.layout.backend / ".pulumi" / "locks" / "organization" / "tiny" / "local"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{pid}.json"
    file.write_text(json.dumps({"pid": pid, "timestamp": taken.isoformat()}))
    return file


def state(deployment: Deployment, operations: list[str]) -> None:
    file = deployment.stack_file()
    file.parent.mkdir(parents=True)
    pending = [{"resource": {"urn": urn}, "type": "creating"} for urn in operations]
    file.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": pending}}}))


def test_a_clean_stack_costs_no_call(deployment: Deployment, step: Step) -> None:
    assert not recovery.left_behind(deployment)
    state(deployment, [])
    assert not recovery.left_behind(deployment)
    recovery.recover(deployment, step)
    assert calls(deployment) == []


@pytest.mark.parametrize(
    ("pid", "age_days"), [(NOBODY, 0), (os.getpid(), 365)], ids=["gone", "id used again by a younger process"]
)
def test_the_lock_of_a_process_that_has_gone_is_cancelled(
    deployment: Deployment, step: Step, pid: int, age_days: int
) -> None:
    lock(deployment, pid, datetime.now(UTC) - timedelta(days=age_days))
    assert recovery.left_behind(deployment)
    recovery.recover(deployment, step)
    assert calls(deployment) == ["cancel --yes"]


def test_pending_creates_are_read_from_the_cloud(deployment: Deployment, step: Step) -> None:
    state(deployment, [URN])
    assert recovery.pending_operations(deployment.stack_file()) == [URN]
    assert recovery.left_behind(deployment)
    recovery.recover(deployment, step)
    assert calls(deployment) == ["refresh --yes --skip-preview --clear-pending-creates"]


def test_a_living_engine_is_waited_for_but_not_for_ever(
    deployment: Deployment, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(recovery, "_POLL_SECONDS", 0.05)
    lock(deployment, os.getpid(), datetime.now(UTC))
    with pytest.raises(BusyError, match=f"process {os.getpid()}"):
        recovery.recover(deployment, step)
    assert calls(deployment) == []
