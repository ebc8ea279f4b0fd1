"""Memory an idle mutual-TLS connection costs the server, beside the same on asyncio's own TLS.

Both servers hold the same number of connections at once, with the same certificates, from this process.
"""

import multiprocessing
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from bench import idle_peer, wire
from bench.identities import issue
from bench.workspace import Workspace

HELD = 2000
_CLIENTS = 4


@dataclass(frozen=True)
class Memory:
    """Kilobytes (1,000 bytes) of resident memory a connection, with `held` of them open."""

    held: int
    ours_kb: float
    peer_kb: float


def measure(workspace: Workspace) -> Memory:
    """Hold the connections against the local cloud's hubs, then against the peer."""
    allow_open_files(HELD + 500)
    devices = issue(workspace, HELD, "idle")
    with ThreadPoolExecutor(_CLIENTS) as pool:
        hubs = list(pool.map(wire.enrol, devices))
    ours = _ours(int(workspace.endpoints["pid"]), list(zip(devices, hubs, strict=True)))
    return Memory(HELD, ours, _peer(devices, workspace.layout.pki / "root.pem"))


def _ours(pid: int, placed: list[tuple[wire.Device, str]]) -> float:
    before = _resident(pid)
    with ThreadPoolExecutor(_CLIENTS) as pool:
        sessions = list(pool.map(_hold, placed))
    grown = _resident(pid) - before
    for held in sessions:
        held.close()
    return grown / len(sessions) / 1000


def _hold(place: tuple[wire.Device, str]) -> wire.Session:
    device, hub = place
    session = wire.Session(wire.handshake(device, hub))
    wire.open_hub(session, device, hub)
    return session


def _peer(devices: list[wire.Device], root: Path) -> float:
    parent, child = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=idle_peer.serve, args=(child, str(root)), daemon=True
    )
    server.start()
    try:
        return _peer_memory(parent, devices)
    finally:
        parent.send("stop")
        server.join(10)


def _peer_memory(parent: Connection, devices: list[wire.Device]) -> float:
    port, trust = parent.recv()
    before = _resident_of_peer(parent)
    sockets = [wire.handshake(idle_peer.aimed(device, port, trust), "localhost") for device in devices]
    grown = _resident_of_peer(parent) - before
    for held in sockets:
        held.close()
    return grown / len(devices) / 1000


def _resident_of_peer(parent: Connection) -> int:
    parent.send("memory")
    return int(parent.recv())


def _resident(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def allow_open_files(wanted: int) -> None:
    """Raise this process's limit of open files, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
