"""The provider's process: `python -m provider.server ENGINE_ADDRESS`, started by `pulumi-resource-muster`.

Listens on 127.0.0.1, prints the port on standard output and nothing else, and ends quietly: on SIGINT or
SIGTERM, and when the engine that started it is gone (`kill -9` leaves no provider behind)."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc

from provider import wire
from provider.clients import Azure
from provider.clients.aws import Aws
from provider.clients.retry import Clock
from provider.handlers import handlers
from provider.rpc import Provider

WORKERS = 32
GRACE_SECONDS = 10.0
PARENT_POLL_SECONDS = 1.0
PARENT_VARIABLE = "MUSTER_ENGINE_PID"
"""Who started us, as the executable saw it: an engine that dies while we still start up is noticed, too."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until told to stop. The last argument that is no option is the engine's address."""
    logging.getLogger().addHandler(logging.NullHandler())  # standard error is the person's screen
    stopping = _stop_on_signals()
    parent = int(environment.get(PARENT_VARIABLE) or os.getppid())
    addresses = [each for each in arguments if not each.startswith("-")]
    server, azure = _start(addresses[-1] if addresses else None, environment)
    while not stopping.wait(PARENT_POLL_SECONDS) and os.getppid() == parent:
        pass
    azure.cancel()
    server.stop(GRACE_SECONDS).wait()
    azure.close()
    return 0


def _start(engine: str | None, environment: Mapping[str, str]) -> tuple[grpc.Server, Azure]:
    clock = Clock()
    azure = Azure(environment, clock)
    provider = Provider(handlers(azure, Aws(environment)), clock, wire.EngineLog(engine), azure.cancel)
    pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="rpc")
    server = grpc.server(pool, handlers=[provider.service()], options=wire.CHANNEL_OPTIONS)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    return server, azure


def _stop_on_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
