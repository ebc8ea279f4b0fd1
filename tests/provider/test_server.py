"""The executable, started as the engine starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from provider import wire
from provider.values import UNKNOWN

EXECUTABLE = Path(__file__).parents[2] / "provider" / "pulumi-resource-muster"
STARTER = """
import subprocess, sys, time
print(subprocess.Popen([sys.argv[1], "x:1"]).pid, flush=True)
time.sleep(60)
"""
URN = "urn:pulumi:dev::fleet::muster:dps:EnrollmentGroup::reefers"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    # PATH is the fallback where there is no .venv beside the project; the folder is as good as any.
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    with subprocess.Popen(
        [EXECUTABLE, "--logtostderr", "-v=3", "127.0.0.1:1"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_check_preview_and_diff(process: subprocess.Popen[str], group_inputs: dict[str, Any]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port_of(process)}") as channel:
        stub = ResourceProviderStub(channel)
        given = wire.encode({**group_inputs, "serviceHost": UNKNOWN})
        checked = stub.Check(proto.CheckRequest(urn=URN, news=given), timeout=30)
        assert not checked.failures
        planned = stub.Create(proto.CreateRequest(urn=URN, properties=checked.inputs, preview=True))
        assert wire.decode(planned.properties)["etag"] is UNKNOWN
        same = stub.Diff(
            proto.DiffRequest(urn=URN, olds=given, old_inputs=wire.encode(group_inputs), news=given)
        )
        assert list(same.replaces) == ["serviceHost"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly(process: subprocess.Popen[str], number: signal.Signals) -> None:
    port_of(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_does_not_outlive_the_engine() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, EXECUTABLE], stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        int(engine.stdout.readline())  # the provider's port: it serves
        engine.kill()
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline, "the provider outlived its engine"
        time.sleep(0.1)
