"""The local cloud as one process: takes its state and ports, starts three listeners, stops on a signal.

Order: the state's lock, then all ports, then anything that writes; so a start that must fail changes nothing.
"""

import asyncio
import fcntl
import gc
import json
import logging
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from OpenSSL import SSL

from localcloud.aws.cloud import Aws
from localcloud.azure.cloud import Azure
from localcloud.azure.entra import ensure_credentials
from localcloud.clock import Clock
from localcloud.clouds import Clouds
from localcloud.errors import StateError, StateInUseError
from localcloud.front import HTTP_PROTOCOLS, MQTT_PROTOCOLS, WebEnd
from localcloud.http import make_app
from localcloud.logs import start_log
from localcloud.mqtt import websocket
from localcloud.mqtt.endpoint import SWEEP_SECONDS, Listener
from localcloud.ports import LOOPBACK, Ports, Sockets, bind_all, port_of
from localcloud.proxy import Door
from localcloud.secure import for_names, speak, tls_context
from localcloud.store import Store
from localcloud.tls import AMAZON_ZONE, Identity, identity

LOG = logging.getLogger("localcloud.server")
LAST_ANSWERS_SECONDS = 2.0


def run(state: Path, ports: Ports, log_level: str, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` gets "ready". Raises LocalCloudError."""
    with _lock(state):
        sockets = bind_all(ports)
        handler = start_log(state / "cloud.log", log_level)
        try:
            asyncio.run(_serve(state, sockets, announce))
        finally:
            sockets.close()
            (state / "endpoints.json").unlink(missing_ok=True)
            logging.getLogger("localcloud").removeHandler(handler)
            handler.close()


async def _serve(state: Path, sockets: Sockets, announce: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    own = identity(state)
    clouds = _open(state, port_of(sockets.proxy))
    azure, aws = clouds.azure, clouds.aws
    listener = Listener(_context(own), clouds, azure.switches, loop.time)
    runner = await _start_web(azure, listener)
    servers = await _listen(loop, listener, runner, sockets)
    await aws.start()
    ticking = loop.create_task(_tick(listener, clouds))
    _spare_collections()
    _write_endpoints(state, sockets)
    LOG.info("ready", extra={"fields": _endpoints(sockets)})
    announce("ready")
    await stopped.wait()
    LOG.info("stopping")
    ticking.cancel()
    await _stop(servers, listener, runner)
    await azure.functions.stop()
    await aws.stop()
    clouds.tidy()
    clouds.close()


def _open(state: Path, proxy_port: int) -> Clouds:
    """Both clouds over their stores, with one clock."""
    stores = _open_store(state / "azure.sqlite"), _open_store(state / "aws.sqlite")
    ensure_credentials(state, stores[0])
    clock = Clock()
    azure = Azure(stores[0], clock, state)
    aws = Aws(stores[1], clock, state, f"http://{LOOPBACK}:{proxy_port}")
    azure.routing.add(aws.services)
    return Clouds(azure, aws)


def _context(own: Identity) -> SSL.Context:
    """TLS for all listeners: each cloud's names have their own certificate."""
    context = tls_context(own.certificate, own.key)
    amazon = tls_context(*own.amazon)
    speak(amazon, MQTT_PROTOCOLS + HTTP_PROTOCOLS)
    for_names(context, f".{AMAZON_ZONE}", amazon)
    return context


def _spare_collections() -> None:
    """What is loaded stays, and the few circles of a connection wait for a rarer collection."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _open_store(path: Path) -> Store:
    try:
        return Store(path)
    except (OSError, sqlite3.Error) as error:
        raise StateError(f"{path} cannot be used: {error}") from error


async def _start_web(azure: Azure, listener: Listener) -> web.AppRunner:
    app = make_app(azure.routing, lambda request, peer: websocket.serve(request, listener, peer))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=LAST_ANSWERS_SECONDS)
    await runner.setup()
    return runner


async def _listen(
    loop: asyncio.AbstractEventLoop, listener: Listener, runner: web.AppRunner, sockets: Sockets
) -> list[asyncio.Server]:
    new_http = runner.server
    assert new_http is not None, "the runner is set up"
    door = Door(loop, listener.new_endpoint, port_of(sockets.https))

    def new_web() -> WebEnd:
        return WebEnd(loop, listener.context, new_http, listener.new_endpoint)

    https = await loop.create_server(new_web, sock=sockets.https)
    mqtt = await loop.create_server(listener.new_endpoint, sock=sockets.mqtt)
    proxy = await loop.create_server(door.new_proxy, sock=sockets.proxy)
    return [https, mqtt, proxy]


async def _tick(listener: Listener, clouds: Clouds) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        listener.sweep()
        clouds.tidy()


async def _stop(servers: list[asyncio.Server], listener: Listener, runner: web.AppRunner) -> None:
    for server in servers:
        server.close()
    listener.close()
    await runner.cleanup()
    await asyncio.sleep(0)


def _endpoints(sockets: Sockets) -> dict[str, Any]:
    return {
        "proxy": f"http://{LOOPBACK}:{port_of(sockets.proxy)}",
        "mqtt_port": port_of(sockets.mqtt),
        "https_port": port_of(sockets.https),
        "pid": os.getpid(),
    }


def _write_endpoints(state: Path, sockets: Sockets) -> None:
    """Atomically, as others wait for this file."""
    fresh = state / ".endpoints.json.new"
    fresh.write_text(json.dumps(_endpoints(sockets)) + "\n")
    fresh.replace(state / "endpoints.json")


@contextmanager
def _lock(state: Path) -> Iterator[None]:
    """Hold the state directory (made when missing, mode 0700). Raises StateError, StateInUseError."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state / "cloud.pid", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateError(f"the state directory {state} cannot be used: {error.strerror}") from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = file.read().strip() or "unknown"
            raise StateInUseError(f"process {holder} runs a local cloud on {state} already") from error
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
