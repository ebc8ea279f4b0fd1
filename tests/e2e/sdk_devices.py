"""Genuine devices: azure-iot-device, unmodified, many at once in one process, so that it is loaded once.

`python -m tests.e2e.sdk_devices` reads {"reach": {...}, "atOnce": n, "devices": [task, ...]} on stdin, where
keys belong, and writes one JSON line a device. A task has `name`, `scope`, and `chain` with `key_file`, or
`key`; also, if wanted, `payload` (for custom allocation) and `reported` (then it goes to its hub, reports,
reads its twin). With a `token` for its hub it goes there at once.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.iot.device import X509, IoTHubDeviceClient, ProvisioningDeviceClient, ProxyOptions

HOST = "global.azure-devices-provisioning.net"


def main() -> None:
    """Run all devices; the SDK's timers are no daemon threads, so the process ends hard."""
    work = json.load(sys.stdin)
    how = _reach(work["reach"])
    with ThreadPoolExecutor(work["atOnce"]) as pool:
        for told in pool.map(lambda task: _run(task, how), work["devices"]):
            sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()
    os._exit(0)


def _reach(told: dict[str, Any]) -> dict[str, Any]:
    """How the cloud is reached and trusted: nothing special in Azure."""
    how: dict[str, Any] = {}
    if told.get("trust"):
        how["server_verification_cert"] = told["trust"]
    if told.get("proxy"):
        host, port = told["proxy"]
        how["proxy_options"] = ProxyOptions("HTTP", host, port)  # type: ignore[no-untyped-call]  # not annotated in the SDK
    return how


def _run(task: dict[str, Any], how: dict[str, Any]) -> dict[str, Any]:
    try:
        if "token" in task:
            return {"name": task["name"], "twin": _connect(task, how, "", "")}
        state = _register(task, how)
        told = {"hub": state.assigned_hub, "device": state.device_id, "sub": state.sub_status}
        if "reported" in task:
            told["twin"] = _connect(task, how, state.assigned_hub, state.device_id)
    except Exception as error:  # noqa: BLE001 - a refusal is what many of these tests are about
        told = {"error": type(error).__name__, "words": f"{error} {error.__cause__ or ''}"}
    return {"name": task["name"], **told}


def _register(task: dict[str, Any], how: dict[str, Any]) -> Any:
    place = {"provisioning_host": HOST, "registration_id": task["name"], "id_scope": task["scope"]}
    client: Any
    if "key" in task:
        client = ProvisioningDeviceClient.create_from_symmetric_key(symmetric_key=task["key"], **place, **how)
    else:
        client = ProvisioningDeviceClient.create_from_x509_certificate(x509=_x509(task), **place, **how)
    if "payload" in task:
        client.provisioning_payload = task["payload"]
    result = client.register()
    if result.status != "assigned":
        raise RuntimeError(f"the registration ended as {result.status}")
    return result.registration_state


def _connect(task: dict[str, Any], how: dict[str, Any], hub: str, device: str) -> Any:
    client: Any
    if "token" in task:
        client = IoTHubDeviceClient.create_from_sastoken(task["token"], **how)
    elif "key" in task:
        client = IoTHubDeviceClient.create_from_symmetric_key(task["key"], hub, device, **how)
    else:
        client = IoTHubDeviceClient.create_from_x509_certificate(_x509(task), hub, device, **how)
    client.connect()
    if task["reported"]:
        client.patch_twin_reported_properties(task["reported"])
    twin = client.get_twin()
    client.shutdown()
    return twin


def _x509(task: dict[str, Any]) -> X509:
    made: X509 = X509(task["chain"], task["key_file"])  # type: ignore[no-untyped-call]  # not annotated in the SDK
    return made


if __name__ == "__main__":
    main()
