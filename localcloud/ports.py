"""Listening on loopback: which ports, and who has one that is taken."""

import errno
import socket
from dataclasses import dataclass

import psutil

from localcloud.errors import PortInUseError

LOOPBACK = "127.0.0.1"
BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Ports:
    """The three ports of the local cloud; 0 lets the system choose."""

    proxy: int = 18443
    mqtt: int = 18883
    https: int = 18444

    @classmethod
    def parse(cls, text: str) -> "Ports":
        """Read "PROXY,MQTT,HTTPS". Raises ValueError that says what would be right."""
        parts = text.split(",")
        if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) < 65536 for part in parts):
            raise ValueError(f"{text!r} is not PROXY,MQTT,HTTPS: three port numbers from 0 to 65535")
        ports = cls(*map(int, parts))
        taken = [port for port in (ports.proxy, ports.mqtt, ports.https) if port]
        if len(set(taken)) != len(taken):
            raise ValueError(f"{text!r} names a port twice: each needs its own, or 0")
        return ports


@dataclass(frozen=True, slots=True)
class Sockets:
    """Three bound sockets, listening on loopback."""

    proxy: socket.socket
    mqtt: socket.socket
    https: socket.socket

    def close(self) -> None:
        """Give the ports back."""
        for bound in (self.proxy, self.mqtt, self.https):
            bound.close()


def bind_all(ports: Ports) -> Sockets:
    """Take all three ports or none. Raises PortInUseError naming every port that is taken, and by whom."""
    bound: list[socket.socket] = []
    faults: list[str] = []
    for name, port in (("proxy", ports.proxy), ("MQTT", ports.mqtt), ("HTTPS", ports.https)):
        try:
            bound.append(_bind(port))
        except OSError as error:
            faults.append(_fault(name, port, error))
    if faults:
        for taken in bound:
            taken.close()
        raise PortInUseError("; ".join(faults) + ". Stop that process, or choose others with --ports.")
    return Sockets(*bound)


def port_of(bound: socket.socket) -> int:
    """The port that a socket got."""
    return int(bound.getsockname()[1])


def _bind(port: int) -> socket.socket:
    fresh = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        fresh.bind((LOOPBACK, port))
        fresh.listen(BACKLOG)
        fresh.setblocking(False)
    except OSError:
        fresh.close()
        raise
    return fresh


def _fault(name: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"the {name} port {port} is in use by {_holder(port)}"
    return f"the {name} port {port} cannot be taken: {error.strerror}"


def _holder(port: int) -> str:
    """The process that listens on a port, as far as this user may see it."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return "a process that this user may not see"
    for connection in connections:
        address = connection.laddr
        if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
            return _described(connection.pid)
    return "a process that this user may not see"


def _described(pid: int) -> str:
    try:
        return f"process {pid} ({psutil.Process(pid).name()})"
    except psutil.Error:
        return f"process {pid}"
