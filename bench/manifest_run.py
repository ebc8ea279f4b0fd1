"""One run of a manifest in a process of its own, as the provider has it: `python -m bench.manifest_run TASK`.

TASK is a JSON file: inputs, the known state (of an update), the file for the outcome, and with `through` the
address of a counting front that stands before the service. The process holds what the provider's holds."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import httpx

import provider.server  # noqa: F401 - for its memory: the provider's process has all of this
from provider.clients import Azure
from provider.clients.retry import Clock
from provider.handlers.device_manifest import DeviceManifest
from provider.resource import Made


class Through(httpx.HTTPTransport):
    """Sends what is meant for a service to the front that counts; the front passes it on."""

    def __init__(self, front: str) -> None:
        super().__init__()
        self._front = httpx.URL(front)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Only the way there is another."""
        request.url = request.url.copy_with(scheme="http", host=self._front.host, port=self._front.port)
        return super().handle_request(request)


def main(task: dict[str, Any]) -> None:
    """Run it and write what came of it: state, seconds, megabytes."""
    clock = Clock()
    http = httpx.Client(transport=Through(task["through"])) if "through" in task else None
    azure = Azure(os.environ, clock, http=http)
    handler = DeviceManifest(azure.dps, clock)
    checked = handler.check(task["inputs"])
    assert not checked.faults, checked.faults
    start = time.perf_counter()
    made = _made(handler, task, handler.state(checked.inputs, {}).inputs)
    outcome = {
        "inputs": checked.inputs,
        "properties": handler.properties(checked.inputs, made.outputs),
        "seconds": time.perf_counter() - start,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    result = Path(task["result"])
    result.with_suffix(".new").write_text(json.dumps(outcome))
    result.with_suffix(".new").replace(result)
    azure.close()


def _made(handler: DeviceManifest, task: dict[str, Any], inputs: Any) -> Made[Any]:  # noqa: ANN401 - the handler's
    known = task.get("known")
    if known is None:
        return handler.create(inputs)
    return handler.update(handler.state(known["inputs"], known["properties"]), inputs)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
