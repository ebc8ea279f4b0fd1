"""Custom allocation whole: a device registers, DPS asks a deployed function, the device follows."""

import base64
import io
import json
import signal
import time
import zipfile
from typing import Any

import psutil
import pytest

from tests.localcloud.control.client import Control, Fault

GLOBAL, KEY = "global.azure-devices-provisioning.net", "a-key"
REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid=1"
CODE = """
import json
import azure.functions as func

app = func.FunctionApp()

@app.route(route="choose", methods=["POST"])
def choose(req: func.HttpRequest) -> func.HttpResponse:
    asked = req.get_json()
    wish = asked["deviceRuntimeContext"]["payload"]["wish"]
    hub = next((it for it in asked["linkedHubs"] if it.startswith(wish)), wish)
    return func.HttpResponse(json.dumps({"iotHubHostName": hub}), mimetype="application/json")
"""


def _deploy(cloud: Any, code: str = KEY) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("host.json", "{}")
        package.writestr("function_app.py", CODE)
    store = cloud.world.store
    store.put("blob", "pack/c/a.zip", {"base64": base64.b64encode(buffer.getvalue()).decode()})
    setting = {"name": "WEBSITE_RUN_FROM_PACKAGE", "value": "https://pack.blob.core.windows.net/c/a.zip"}
    site = {"defaultHostName": "choose.azurewebsites.net", "siteConfig": {"appSettings": [setting]}}
    store.put("arm", "/s/site", {"id": "/s/site", "type": "Microsoft.Web/sites", "properties": site})
    store.put("arm-keys", "/s/site", {"masterKey": "m", "functionKeys": {"default": KEY}})
    url = f"https://choose.azurewebsites.net/api/choose?code={code}"
    cloud.world.group(
        allocationPolicy="custom",
        customAllocationDefinition={"webhookUrl": url, "apiVersion": "2021-10-01"},
    )


def _register(cloud: Any, name: str, wish: str) -> dict[str, Any]:
    """The registration's last answer."""
    identity = cloud.identity(cloud.world.pki.leaf(name, cloud.world.factory), cloud.world.factory)
    with cloud.connect(GLOBAL, identity) as raw:
        assert raw.login(name, f"0ne00000001/registrations/{name}/api-version=2019-03-31")[1] == 0
        raw.subscribe("$dps/registrations/res/#")
        body = {"registrationId": name, "payload": {"wish": wish}}
        topic, answer = raw.ask(REGISTER, json.dumps(body).encode())
        operation = json.loads(answer)["operationId"]
        deadline = time.monotonic() + 30
        while "/202/" in topic and time.monotonic() < deadline:
            time.sleep(0.5)
            poll = f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}"
            topic, answer = raw.ask(poll)
    found: dict[str, Any] = json.loads(answer)
    return found


def test_the_function_decides(cloud: Any) -> None:
    _deploy(cloud)
    cloud.start()
    for name, wish in (("pump-1", "hub-a"), ("pump-2", "hub-b")):
        state = _register(cloud, name, wish)["registrationState"]
        assert (state["status"], state["assignedHub"]) == ("assigned", f"{wish}.azure-devices.net")
    log = (cloud.state / "cloud.log").read_text()
    assert KEY not in log
    (function,) = psutil.Process(cloud.process.pid).children()
    cloud.stop(signal.SIGKILL)
    psutil.wait_procs([function], timeout=10)
    assert not function.is_running() or function.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("wish", "code", "late", "words"),
    [
        ("hub-x", KEY, False, "hub-x"),
        ("hub-a", "another-key", False, "status code: 401"),
        ("hub-a", KEY, True, "in time"),
    ],
)
def test_an_answer_that_cannot_be_followed_fails_the_registration(
    cloud: Any, wish: str, code: str, late: bool, words: str
) -> None:
    _deploy(cloud, code)
    cloud.start()
    with Control(cloud.state) as control:
        if late:
            late_host = "*.azurewebsites.net"
            control.set_faults(Fault(surface="https", host=late_host, action="delay", delay_seconds=8))
        told = json.dumps(_register(cloud, "pump-1", wish))
    assert words in told
    assert '"assigned"' not in told
