"""Runs a stand-in as the engine runs plugins: print a port, serve gRPC there, go quietly.

It listens on 127.0.0.1 only. It ends on SIGINT or SIGTERM, and when the process that started it is gone,
so that an engine that is killed leaves no plugin behind.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from pulumi.runtime.proto import provider_pb2, status_pb2

from localcloud.providers.errors import Incomplete, ProviderError
from localcloud.providers.plugin import Plugin
from localcloud.providers.servicer import Servicer
from localcloud.providers.wire import encode

_WORKERS = 32  # the engine's default parallelism is four times the cores; a call mostly waits for the cloud
_GRACE_SECONDS = 5.0
_PARENT_CHECK_SECONDS = 1.0
_LARGEST_MESSAGE = 400 * 1024 * 1024  # as the engine's own plugins

Handler = Callable[[Any, grpc.ServicerContext], Message]


def serve(plugin: Plugin, parent: int) -> None:
    """Serve until told to stop; returns when all calls are finished or five seconds have passed.

    Args:
        plugin: what is served.
        parent: the id of the process that started this one, read before anything that takes time.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _setter(stop))
    server, port = start(plugin)
    print(port, flush=True)  # noqa: T201 - the engine reads the port here
    while not stop.wait(_PARENT_CHECK_SECONDS) and os.getppid() == parent:
        continue
    server.stop(_GRACE_SECONDS).wait()


def _setter(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    return lambda _number, _frame: stop.set()


def start(plugin: Plugin) -> tuple[grpc.Server, int]:
    """A started server on a free loopback port, and the port."""
    limits = [("grpc.max_receive_message_length", _LARGEST_MESSAGE), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(_WORKERS), options=limits)
    server.add_generic_rpc_handlers((_handlers(Servicer(plugin)),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def _handlers(servicer: Servicer) -> grpc.GenericRpcHandler:
    service = provider_pb2.DESCRIPTOR.services_by_name["ResourceProvider"]
    served = {
        method.name: grpc.unary_unary_rpc_method_handler(
            _answering(getattr(servicer, _snake(method.name))),
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
        for method in service.methods
        if hasattr(servicer, _snake(method.name))
    }
    return grpc.method_handlers_generic_handler(service.full_name, served)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _answering(method: Callable[[Any], Message]) -> Handler:
    """The method with `ProviderError` put on the wire as the engine shows it: its words alone."""

    def handle(request: Message, context: grpc.ServicerContext) -> Message:
        try:
            return method(request)
        except Incomplete as incomplete:
            context.set_trailing_metadata((("grpc-status-details-bin", _details(incomplete)),))
            context.abort(grpc.StatusCode.UNKNOWN, str(incomplete))
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return handle


def _details(incomplete: Incomplete) -> bytes:
    """The status that makes the engine keep the id of a resource that is not finished."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=incomplete.identity,
        properties=encode(incomplete.outputs),
        inputs=encode(incomplete.inputs),
        reasons=[str(incomplete)],
    )
    detail = AnyMessage()
    detail.Pack(failed)
    status = status_pb2.Status(
        code=grpc.StatusCode.UNKNOWN.value[0], message=str(incomplete), details=[detail]
    )
    return bytes(status.SerializeToString())
