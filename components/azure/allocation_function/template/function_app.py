"""Custom allocation: DPS asks this function which hub a device comes to. Copy the folder and change `choose`.

Request and answer: "Understand custom allocation policies with Azure IoT Hub Device Provisioning Service",
learn.microsoft.com. DPS waits five seconds, so nothing slow belongs here.
"""

import json
import zlib
from typing import Any

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route(route="allocate", methods=["POST"], trigger_arg_name="request")
def allocate(request: func.HttpRequest) -> func.HttpResponse:
    """Answer with the hub of the device that asks and its first twin, or with why there is none."""
    try:
        asked = request.get_json()
        hub = choose(asked["deviceRuntimeContext"], asked["linkedHubs"])
    except (KeyError, TypeError, ValueError) as error:
        return func.HttpResponse(f"not a request of the provisioning service: {error!r}", status_code=400)
    if hub is None:
        return func.HttpResponse("no hub is linked that the device may come to", status_code=400)
    return func.HttpResponse(
        json.dumps({"iotHubHostName": hub, "initialTwin": twin_of(asked)}), mimetype="application/json"
    )


def choose(device: dict[str, Any], hubs: list[str]) -> str | None:
    """Pick the hub that the device names in its payload, `{"hub": "…-eu-1"}`; else one by its id."""
    wanted = (device.get("payload") or {}).get("hub")
    named = [hub for hub in hubs if wanted and hub.partition(".")[0].endswith(str(wanted))]
    candidates = named or sorted(hubs)
    if not candidates:
        return None
    return candidates[zlib.crc32(device["registrationId"].encode()) % len(candidates)]


def twin_of(asked: dict[str, Any]) -> dict[str, Any]:
    """Give the first twin that the enrollment has."""
    enrollment = asked.get("individualEnrollment") or asked.get("enrollmentGroup") or {}
    twin: dict[str, Any] = enrollment.get("initialTwin") or {}
    return twin
