"""`pulumi-language-python`: lets the engine run Python programs where the official host is not to be had.

The engine starts one language host a deployment, reads a port from its standard output and calls it over gRPC
on loopback (`pulumi/language.proto`). Everything about running a program is the SDK's own code
(`pulumi.automation._server.LanguageServer`); this module only adds what an inline program never needs:
finding `__main__.py`, starting plug-ins written in Python, and code for `pulumi import`. Whoever has the
official CLI never runs this.
"""

# ruff: noqa: N802, ARG002 - method names and arguments are the protocol's

from __future__ import annotations

import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent import futures
from importlib import metadata
from pathlib import Path
from typing import IO

import grpc
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2
from pulumi.runtime.proto.codegen import hcl_pb2

from engine import generate

#: How long the host waits for calls under way once it was told to stop, in seconds.
_STOP_GRACE_SECONDS = 1.0
#: How often it looks whether the engine is still there, in seconds.
_LOOK_SECONDS = 1.0


class Host(LanguageServer):
    """Serves one deployment: runs the program of a directory, and plug-ins written in Python."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self._engine_address = engine_address

    def Handshake(
        self, request: language_pb2.LanguageHandshakeRequest, context: object
    ) -> language_pb2.LanguageHandshakeResponse:
        """Take the engine's address when it was not an argument."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request: language_pb2.RunRequest, context: object) -> language_pb2.RunResponse:
        """Run `__main__.py` of the program's directory, as `python DIRECTORY` would."""
        directory = Path(request.info.program_directory)
        self.program = lambda: _run_program(directory, request.info.entry_point)
        del request.args[:]
        request.args.append(self._engine_address)
        response: language_pb2.RunResponse = super().Run(request, context)  # type: ignore[no-untyped-call]
        # The SDK has shown the error already; `bail` keeps the engine from showing it a second time.
        return language_pb2.RunResponse(bail=True) if response.error else response

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Start a policy pack or a provider written in Python, and pass on what it prints."""
        process = subprocess.Popen(
            _plugin_command(request, self._engine_address),
            stdin=subprocess.DEVNULL,
            cwd=request.pwd or None,
            env={**os.environ, **dict(entry.split("=", 1) for entry in request.env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.terminate)
        yield from _stream(process)

    def GetPluginInfo(self, request: object, context: object) -> plugin_pb2.PluginInfo:
        """Name the SDK's version, which `pulumi about` shows."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def InstallDependencies(
        self, request: object, context: object
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Nothing to do: `uv sync` installs what the project needs."""
        yield language_pb2.InstallDependenciesResponse(stdout=b"uv sync installs what the project needs\n")

    def GetProgramDependencies(
        self, request: object, context: object
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Name none: uv.lock is the list."""
        return language_pb2.GetProgramDependenciesResponse()

    def GenerateProgram(
        self, request: language_pb2.GenerateProgramRequest, context: object
    ) -> language_pb2.GenerateProgramResponse:
        """Give `pulumi import` the code to print. It shows no diagnostics, so the code says it all."""
        code, unclear = generate.python("\n".join(request.source.values()))
        return language_pb2.GenerateProgramResponse(
            source={"__main__.py": code.encode()}, diagnostics=_diagnostics(unclear)
        )

    def Cancel(self, request: object, context: object) -> empty_pb2.Empty:
        """Agree; the engine ends the process next."""
        return empty_pb2.Empty()


def _diagnostics(unclear: str) -> list[hcl_pb2.Diagnostic]:
    summary = f"no code was made: {unclear}"
    warning = hcl_pb2.Diagnostic(severity=hcl_pb2.DIAG_WARNING, summary=summary)
    return [warning] if unclear else []


def _run_program(directory: Path, entry_point: str) -> None:
    target = directory if entry_point in ("", ".") else directory / entry_point
    sys.path.insert(0, str(directory))
    runpy.run_path(str(target / "__main__.py" if target.is_dir() else target), run_name="__main__")


def _plugin_command(request: language_pb2.RunPluginRequest, engine_address: str) -> list[str]:
    directory = request.info.program_directory or request.program
    if request.kind == "analyzer":
        return [sys.executable, "-u", "-m", "pulumi.policy", engine_address, directory]
    return [sys.executable, "-u", directory, *request.args]


def _stream(process: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
    """Yield both outputs as they come, and the exit code last."""
    printed: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=_copy, args=(name, stream, printed), daemon=True).start()
    open_streams = set(streams)
    while open_streams:
        name, chunk = printed.get()
        if chunk:
            yield _printed(name, chunk)
        else:
            open_streams.discard(name)
    yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _printed(name: str, chunk: bytes) -> language_pb2.RunPluginResponse:
    if name == "stdout":
        return language_pb2.RunPluginResponse(stdout=chunk)
    return language_pb2.RunPluginResponse(stderr=chunk)


def _copy(name: str, stream: IO[bytes], printed: queue.SimpleQueue[tuple[str, bytes]]) -> None:
    """Put what the stream yields on the queue; an empty chunk says that it ended."""
    with stream:
        while chunk := os.read(stream.fileno(), 65536):
            printed.put((name, chunk))
    printed.put((name, b""))


def serve(engine_address: str) -> tuple[grpc.Server, int]:
    """Start the host on a free loopback port; returns the server and that port."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8), options=[*_GRPC_CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)]
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(arguments: Sequence[str]) -> int:
    """Serve until the engine ends the process; the last argument that is no flag is its address."""
    engine = os.getppid()
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    stop = threading.Event()
    # The engine ends a plug-in with SIGINT, and kills what is still there five seconds later.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: stop.set())
    server, port = serve(addresses[-1] if addresses else "")
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    _wait_for_end(stop, engine)
    server.stop(_STOP_GRACE_SECONDS).wait()
    return 0


def _wait_for_end(stop: threading.Event, engine: int) -> None:
    """Wait until the engine says so, or has gone: one that was killed cannot end its plug-ins."""
    while not stop.wait(_LOOK_SECONDS) and os.getppid() == engine:
        pass


if __name__ == "__main__":
    # At once: a program that never returns would keep its thread, and so the process, alive.
    os._exit(main(sys.argv[1:]))
