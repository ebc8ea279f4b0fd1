"""The local cloud is started once, found again, and its failures are told."""

from __future__ import annotations

import os
import signal
import time

import pytest

from cli.local import cloud, processes
from cli.local.errors import CloudError
from cli.local.layout import Layout
from cli.local.progress import Step
from tests.cli.local.conftest import PutProgram

#: Listens, says so in endpoints.json, and stays.
CLOUD = r"""
import json, os, pathlib, socket, sys, time
state = pathlib.Path(sys.argv[sys.argv.index("--state") + 1])
(state / "arguments").write_text(" ".join(sys.argv[1:]))
listener = socket.create_server(("127.0.0.1", 0))
known = {"proxy": f"http://127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}
(state / "new").write_text(json.dumps(known))
(state / "new").replace(state / "endpoints.json")
time.sleep(60)
"""


def test_it_is_started_once_and_found_again(
    layout: Layout, put_program: PutProgram, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cloud.PORTS_VARIABLE, "0,0,0")
    put_program(".venv/bin/python", CLOUD)
    first = cloud.ensure(layout, step)
    assert first.started
    assert (layout.cloud / "arguments").read_text().endswith("--ports 0,0,0")
    assert (layout.state / "proxy.env").read_text() == f"MUSTER_PROXY={first.proxy}\n"
    assert cloud.ensure(layout, step) == cloud.Endpoints(first.proxy, started=False)


def test_one_that_was_killed_is_started_again(layout: Layout, put_program: PutProgram, step: Step) -> None:
    put_program(".venv/bin/python", CLOUD)
    cloud.ensure(layout, step)
    process = processes.running(cloud.pid_file(layout))
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while cloud.proxy_of_running(layout) and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(CloudError, match="ended in the middle of the work"):
        cloud.require(layout)
    assert cloud.ensure(layout, step).started
    cloud.require(layout)


def test_a_port_in_use_is_told_with_who_holds_it_and_what_to_do(
    layout: Layout, put_program: PutProgram, step: Step
) -> None:
    put_program(
        ".venv/bin/python", "import sys; print('port 18443 is held by nginx (process 7)'); sys.exit(3)"
    )
    with pytest.raises(CloudError) as refused:
        cloud.ensure(layout, step)
    assert "cannot listen: port 18443 is held by nginx (process 7)" in str(refused.value)
    assert "MUSTER_PORTS" in str(refused.value)


def test_one_that_ends_at_once_shows_the_end_of_its_log(
    layout: Layout, put_program: PutProgram, step: Step
) -> None:
    put_program(".venv/bin/python", "import sys; sys.exit('database disk image is malformed')")
    with pytest.raises(CloudError, match=r"exit code 1(.|\n)*database disk image is malformed"):
        cloud.ensure(layout, step)
    assert not cloud.pid_file(layout).exists()


def test_one_that_never_gets_ready_is_ended(
    layout: Layout, put_program: PutProgram, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "_START_SECONDS", 0.5)
    put_program(".venv/bin/python", "import time; time.sleep(60)")
    with pytest.raises(CloudError, match="not ready"):
        cloud.ensure(layout, step)
    assert processes.running(cloud.pid_file(layout)) is None
