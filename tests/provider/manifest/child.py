"""Runs of a manifest in processes of their own, to be killed: `python -m tests.provider.manifest.child`.

Reads the path of a task from each line of standard input, runs it in a fork (all is imported once), and
writes the fork's process id, and how it ended, each as a line. A task is a JSON file: the base URL of a DPS
in memory, inputs, the known state (of an update), the folder of the ledger, the file for the new state."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from provider.clients import Azure
from provider.clients.credentials import Entra
from provider.clients.retry import Clock
from provider.handlers.device_manifest import DeviceManifest
from provider.manifest import run


class Redirected(httpx.HTTPTransport):
    """Sends what is meant for a service in Azure to the memory of the test."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = httpx.URL(base)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(
            scheme=self._base.scheme, host=self._base.host, port=self._base.port
        )
        return super().handle_request(request)


class Credential:
    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("token", 2_000_000_000)

    def close(self) -> None:
        """Nothing to close."""


def main(task: dict[str, Any]) -> None:
    run.SETTLE_SECONDS = 0.2
    environment = {"MUSTER_STATE_DIR": task["state"], "MUSTER_DPS_OPERATIONS_PER_MINUTE": "0"}
    clock = Clock()
    with httpx.Client(transport=Redirected(task["base"])) as http:
        azure = Azure({}, clock, http=http, entra=Entra({}, Credential()))
        handler = DeviceManifest(azure.dps, clock, environment)
        checked = handler.check(task["inputs"])
        assert not checked.faults, checked.faults
        new = handler.state(checked.inputs, {}).inputs
        if (known := task.get("known")) is None:
            made = handler.create(new)
        else:
            made = handler.update(handler.state(known["inputs"], known["properties"]), new)
    properties = handler.properties(checked.inputs, made.outputs)
    Path(task["result"]).write_text(json.dumps({"inputs": checked.inputs, "properties": properties}))


def serve() -> None:
    for line in sys.stdin:
        if (process := os.fork()) == 0:
            main(json.loads(Path(line.strip()).read_text()))
            os._exit(0)
        sys.stdout.write(f"{process}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
