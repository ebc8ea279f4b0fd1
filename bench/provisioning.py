"""Full provisioning flows a second, and the server's CPU a flow, beside the bare TLS handshake rate.

The clients are threads of this process, so with two cores the server has one of its own. A flow is two
mutual TLS handshakes (DPS, hub), register, poll, twin and report; the peer is one handshake and nothing else,
against the same listener, with the same certificates.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from bench import wire
from bench.identities import issue
from bench.rounds import Series, interleave, seconds
from bench.workspace import Workspace

DEVICES = 200
ROUNDS = 5
_CLIENTS = 4


@dataclass(frozen=True)
class Provisioning:
    """Rates a second and server CPU milliseconds a unit, for flows and for bare handshakes."""

    flows: Series
    handshakes: Series
    flow_cpu_ms: Series
    handshake_cpu_ms: Series


def measure(workspace: Workspace) -> Provisioning:
    """Run flows and handshakes in turn against the workspace's local cloud."""
    devices = issue(workspace, DEVICES, "flow")
    server = psutil.Process(int(workspace.endpoints["pid"]))
    flow_cpu, handshake_cpu = Series("flow CPU"), Series("handshake CPU")
    rates = interleave(
        ROUNDS,
        flows=lambda: _rate(server, flow_cpu, devices, _flow),
        handshakes=lambda: _rate(server, handshake_cpu, devices, _handshake),
    )
    for warm in (flow_cpu, handshake_cpu):
        warm.values.pop(0)
    return Provisioning(rates["flows"], rates["handshakes"], flow_cpu, handshake_cpu)


def _rate(
    server: psutil.Process, cpu_ms: Series, devices: list[wire.Device], work: Callable[[wire.Device], None]
) -> float:
    before = _cpu_seconds(server)
    with ThreadPoolExecutor(_CLIENTS) as pool:
        elapsed = seconds(lambda: list(pool.map(work, devices)))
    cpu_ms.values.append((_cpu_seconds(server) - before) * 1000 / len(devices))
    return len(devices) / elapsed


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _flow(device: wire.Device) -> None:
    wire.come_up(device, wire.enrol(device))


def _handshake(device: wire.Device) -> None:
    wire.handshake(device, wire.DPS_HOST).close()
