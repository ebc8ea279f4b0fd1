"""A hundred devices, twenty seconds, faults all the time: the soak of `make soak`, in short."""

from __future__ import annotations

import pytest

from bench.soak.plan import SHORT
from bench.soak.run import measure
from bench.workspace import Workspace as Benched
from tests.e2e.conftest import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def test_no_device_message_or_change_is_lost(workspace: Workspace) -> None:
    up = workspace.muster("up", "--devices", str(SHORT.agents))
    assert up.returncode == 0, up.stdout + up.stderr
    result = measure(Benched(workspace.root), SHORT)
    assert (result.findings, result.unsettled) == ([], [])
    assert result.is_sound
    assert result.connections > SHORT.devices
    assert result.repeats > 0
