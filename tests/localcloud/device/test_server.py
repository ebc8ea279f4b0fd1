"""The local cloud as a process: start, refusals to start, stop, restart."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "localcloud", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_ready_and_clean_stop(cloud: Any) -> None:
    cloud.start()
    assert cloud.endpoints["pid"] == cloud.process.pid
    assert (cloud.state / "cloud.pid").read_text().strip() == str(cloud.process.pid)
    assert cloud.stop() == 0
    assert not (cloud.state / "endpoints.json").exists()


def test_listens_on_loopback_only(cloud: Any) -> None:
    cloud.start()
    connections = psutil.Process(cloud.process.pid).net_connections("all")
    listening = [it.laddr for it in connections if it.status == psutil.CONN_LISTEN]
    assert len(listening) == 3
    assert {it.ip for it in listening} == {"127.0.0.1"}


def test_secrets_on_disk_are_private(cloud: Any) -> None:
    cloud.start()
    private = ("tls-ca.key", "tls-server.key", "azure.sqlite", "cloud.log", "azure.env")
    for name in private:
        assert (cloud.state / name).stat().st_mode & 0o077 == 0, name


def test_port_in_use_names_port_and_process(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _run("--state", str(tmp_path / "s"), "--ports", f"0,{port},0")
    assert done.returncode == 3
    assert f"MQTT port {port} is in use by process" in done.stderr
    assert "Traceback" not in done.stderr
    assert {it.name for it in (tmp_path / "s").iterdir()} == {"cloud.pid"}


def test_one_state_one_cloud(cloud: Any) -> None:
    cloud.start()
    done = _run("--state", str(cloud.state), "--ports", "0,0,0")
    assert done.returncode == 4
    assert f"process {cloud.process.pid} runs a local cloud" in done.stderr


def test_unusable_state(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _run("--state", str(tmp_path / "file" / "s"), "--ports", "0,0,0")
    assert (done.returncode, "Traceback" in done.stderr) == (5, False)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "azure.sqlite").write_text("this is no database, " * 100)
    done = _run("--state", str(tmp_path / "broken"), "--ports", "0,0,0")
    assert (done.returncode, "Traceback" in done.stderr) == (5, False)


def test_usage() -> None:
    assert _run("--help").returncode == 0
    for ports in ("1,2", "a,b,c", "1,1,2", "1,2,70000"):
        done = _run("--state", "unused", "--ports", ports)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_killed_and_started_again(cloud: Any) -> None:
    cloud.start()
    trust = cloud.trust.read_bytes()
    cloud.stop(signal.SIGKILL)
    stale = json.loads((cloud.state / "endpoints.json").read_text())
    cloud.start()
    assert cloud.endpoints["pid"] != stale["pid"]
    assert cloud.trust.read_bytes() == trust
