"""Starts the local cloud, or finds the one that runs, and waits until it answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cli.local import environment, processes
from cli.local.errors import CloudError, with_log
from cli.local.layout import Layout
from cli.local.progress import Step

#: PROXY,MQTT,HTTPS for tests that run beside each other; 0 lets the system choose.
PORTS_VARIABLE = "MUSTER_PORTS"
ANY_PORTS = "0,0,0"
#: `python -m localcloud` ends with this when a port is taken; its message names the port and the holder.
_PORT_TAKEN = 3
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Endpoints:
    """Where a running local cloud listens, and whether this command started it."""

    proxy: str
    started: bool


def log_file(layout: Layout) -> Path:
    """What the local cloud prints."""
    return layout.cloud / "cloud.log"


def pid_file(layout: Layout) -> Path:
    """Which process it is."""
    return layout.cloud / "process.json"


def ensure(layout: Layout, step: Step, ports: str | None = None) -> Endpoints:
    """Return the running local cloud, starting it when there is none. Raises CloudError.

    `ports`, as in PORTS_VARIABLE, goes before that variable.
    """
    found = proxy_of_running(layout)
    if found:
        step.done(f"runs already, proxy {found}")
        return Endpoints(found, started=False)
    processes.stop([pid_file(layout)])
    endpoints_file(layout).unlink(missing_ok=True)
    process = _start(layout, ports or os.environ.get(PORTS_VARIABLE))
    proxy = _wait(layout, process)
    (layout.state / "proxy.env").write_text(f"MUSTER_PROXY={proxy}\n")
    step.done(f"listens, proxy {proxy}")
    return Endpoints(proxy, started=True)


def require(layout: Layout) -> None:
    """Raise CloudError with the end of its log when the local cloud has ended."""
    if processes.running(pid_file(layout)) is None:
        text = "The local cloud ended in the middle of the work. Run `make up` again: it goes on from there."
        raise CloudError(with_log(text, log_file(layout)))


def proxy_of_running(layout: Layout) -> str | None:
    """Return the address of the proxy when the local cloud of this stack runs and answers."""
    process = processes.running(pid_file(layout))
    proxy = _read_proxy(layout, process.pid) if process else None
    return proxy if proxy and _answers(proxy) else None


def endpoints_file(layout: Layout) -> Path:
    """What the local cloud writes when it is ready."""
    return layout.cloud / "endpoints.json"


def _start(layout: Layout, ports: str | None) -> subprocess.Popen[bytes]:
    command: list[str | Path] = [layout.project / ".venv" / "bin" / "python", "-m", "localcloud"]
    command += ["--state", layout.cloud]
    if ports:
        command += ["--ports", ports]
    variables = environment.variables(layout, environment.DEFAULT_PROXY)
    return processes.start(command, variables, layout.project, log_file(layout), pid_file(layout))


def _wait(layout: Layout, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        proxy = _read_proxy(layout, process.pid)
        if proxy and _answers(proxy):
            return proxy
        code = process.poll()
        if code is not None:
            pid_file(layout).unlink(missing_ok=True)
            raise CloudError(_ended_text(layout, code))
        time.sleep(_POLL_SECONDS)
    processes.stop([pid_file(layout)])
    raise CloudError(
        with_log(f"The local cloud was not ready after {_START_SECONDS:.0f} s.", log_file(layout))
    )


def _ended_text(layout: Layout, code: int) -> str:
    if code != _PORT_TAKEN:
        return with_log(f"The local cloud ended at once (exit code {code}).", log_file(layout))
    reason = log_file(layout).read_text(errors="replace").strip().splitlines()[-1:]
    return (
        f"The local cloud cannot listen: {''.join(reason)}\n"
        f"End that process, or choose other ports: {PORTS_VARIABLE}=PROXY,MQTT,HTTPS (0: any free one)."
    )


def _read_proxy(layout: Layout, pid: int) -> str | None:
    """Read the address, unless the file was left by an earlier process."""
    file = endpoints_file(layout)
    if not file.exists():
        return None
    known = json.loads(file.read_text())
    return str(known["proxy"]) if known["pid"] == pid else None


def _answers(proxy: str) -> bool:
    host, _, port = proxy.removeprefix("http://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2):
            return True
    except OSError:
        return False
