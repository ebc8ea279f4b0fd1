"""The program in a function app's process: loads function_app.py, then answers requests that come on stdin.

Programming model v2 for Python (learn.microsoft.com/azure/azure-functions/functions-reference-python): one
FunctionApp in function_app.py; its HTTP triggers are served. One JSON object a line each way: first what
the app has, then {"id", "function", "method", "url", "headers", "params", "route", "body"} and {"id",
"status", "headers", "body"} or {"id", "error"}; bodies in base64. With stdin the process and
all that it started end, so it has to lead a group of its own.
"""

import asyncio
import base64
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import azure.functions as functions

THREADS = 8
LIBRARIES = Path(".python_packages") / "lib" / "site-packages"


def main() -> None:
    """Serve until stdin ends. The only argument is the unpacked package."""
    wire = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what functions print belongs to their log
    sys.stdout = os.fdopen(1, "w", buffering=1)
    folder = Path(sys.argv[1])
    sys.path[:0] = [str(folder), str(folder / LIBRARIES)]
    try:
        loaded = _loaded()
    except Exception:  # noqa: BLE001 - any code may fail in any way; it is told to whoever asks
        _write(wire, {"error": traceback.format_exc(limit=-3)})
        return
    _write(wire, {"functions": [_described(it) for it in loaded.values()]})
    _serve(wire, loaded)


def _serve(wire: BinaryIO, loaded: dict[str, Any]) -> None:
    lock = threading.Lock()

    def work(line: bytes) -> None:
        answer = _answer(loaded, json.loads(line))
        with lock:
            _write(wire, answer)

    pool = ThreadPoolExecutor(THREADS)
    for line in sys.stdin.buffer:
        pool.submit(work, line)
    os.killpg(0, signal.SIGKILL)  # the local cloud is gone, however that came: no function outlives it


def _loaded() -> dict[str, Any]:
    module = importlib.import_module("function_app")
    apps = [it for it in vars(module).values() if isinstance(it, functions.FunctionApp)]
    if len(apps) != 1:
        raise ValueError(f"function_app.py must have one FunctionApp, not {len(apps)}")
    found: list[Any] = [it for it in apps[0].get_functions() if _is_http(it)]
    return {it.get_function_name(): it for it in found}


def _is_http(function: Any) -> bool:  # noqa: ANN401 - the library's class has no public name
    trigger = function.get_trigger()
    return trigger is not None and trigger.get_binding_name() == "httpTrigger"


def _described(function: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    trigger = function.get_trigger()
    methods = [str(getattr(it, "value", it)).upper() for it in trigger.methods or ()]
    level = str(getattr(trigger.auth_level, "value", trigger.auth_level)).lower()
    name = function.get_function_name()
    return {"name": name, "route": trigger.route or name, "methods": methods, "level": level}


def _answer(loaded: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    try:
        function = loaded[asked["function"]]
        request = functions.HttpRequest(
            asked["method"],
            asked["url"],
            headers=asked["headers"],
            params=asked["params"],
            route_params=asked["route"],
            body=base64.b64decode(asked["body"]),
        )
        given = function.get_user_function()(**{function.get_trigger().name: request})
        return {"id": asked["id"], **_told(asyncio.run(given) if inspect.iscoroutine(given) else given)}
    except Exception:  # noqa: BLE001 - any code may fail in any way; it is answered with 500 and logged
        traceback.print_exc()
        return {"id": asked["id"], "error": traceback.format_exc(limit=-1)}


def _told(given: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the function returned
    if not isinstance(given, functions.HttpResponse):
        given = functions.HttpResponse(given if isinstance(given, str | bytes) else "")
    kind = f"{given.mimetype}; charset={given.charset}" if given.charset else given.mimetype
    headers = {"Content-Type": kind, **dict(given.headers)}
    body = base64.b64encode(given.get_body()).decode()
    return {"status": given.status_code, "headers": headers, "body": body}


def _write(wire: BinaryIO, value: dict[str, Any]) -> None:
    wire.write(json.dumps(value).encode() + b"\n")


if __name__ == "__main__":
    main()
