"""`kill -9` of the engine, a provider or the local cloud in the middle of `up`: the next one finishes."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil
import pytest

from tests.e2e.conftest import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

#: Told apart by what they run; searched among the processes that this very `up` started.
ENGINE = "bin/pulumi up"
PROVIDER = "-m provider.server"
AZURE_NATIVE = "localcloud.providers.azure_native"
AWS = "localcloud.providers.aws 127"
CLOUD = "-m localcloud --state"


def started_by(command: psutil.Process, mark: str, workspace: Workspace) -> psutil.Process | None:
    """The process below `muster up` that runs this."""
    for process in _below(command):
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if mark in line and (mark is not CLOUD or str(workspace.root) in line):
            return process
    return None


def _below(command: psutil.Process) -> list[psutil.Process]:
    try:
        return command.children(recursive=True)
    except psutil.Error:
        return []


def wait_for(what: Callable[[], psutil.Process | None], ended: Callable[[], bool]) -> psutil.Process:
    while not ended():
        found = what()
        if found is not None:
            return found
        time.sleep(0.005)
    pytest.fail("`muster up` ended before the process to kill was there")


def made(workspace: Workspace) -> int:
    """How many resources the engine has finished so far, by its event log."""
    events = workspace.state / "pulumi-events.jsonl"
    return events.read_bytes().count(b'"resOutputsEvent"') if events.exists() else 0


@pytest.mark.parametrize(
    ("mark", "after"), [(ENGINE, 4), (PROVIDER, 10), (AZURE_NATIVE, 2), (AWS, 12), (CLOUD, 6)]
)
def test_the_next_up_finishes_the_work(workspace: Workspace, mark: str, after: int) -> None:
    up = workspace.start_up(devices=1)
    command = psutil.Process(up.pid)

    def victim_in_the_middle() -> psutil.Process | None:
        return started_by(command, mark, workspace) if made(workspace) >= after else None

    victim = wait_for(victim_in_the_middle, lambda: up.poll() is not None)
    plugins = [process for process in _below(command) if process.pid != victim.pid]
    victim.kill()
    said, _ = up.communicate()
    assert "Traceback" not in said
    if mark is ENGINE:
        _, left = psutil.wait_procs([one for one in plugins if is_plugin(one)], timeout=10)
        assert left == [], "plug-ins outlived the engine"
        assert "signal 9. Run `make up` again" in said

    again = workspace.muster("up", "--devices", "1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert mark is not ENGINE or "Interrupted update: cleared" in again.stderr
    assert [it["provisioned"] for it in workspace.summary()["clouds"].values()] == [1, 1]
    # Side files are written in place: a kill would cut one off, and the engine would go no further.
    assert list((workspace.state / "backend").rglob("*.attrs")) == []
    third = workspace.muster("up", "--devices", "1")
    assert "Nothing changed" in third.stdout, third.stdout + third.stderr
    assert "pending operation" not in (workspace.state / "pulumi-up.log").read_text()


def is_plugin(process: psutil.Process) -> bool:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return any(mark in line for mark in (PROVIDER, AZURE_NATIVE, AWS, "engine.language_host"))
