"""The official azure-iot-device SDK, unmodified, each device in a process of its own."""

import signal
import ssl
import subprocess
from typing import Any

import httpx
import pytest

from tests.localcloud.sdk_device import SdkDevice

SCRIPT = r"""
import json, sys
import socks
from azure.iot.device import IoTHubDeviceClient, Message, ProvisioningDeviceClient, ProxyOptions, X509

name, scope, chain, key, trust, port = sys.argv[1:7]
steps = sys.argv[7:]
how = {
    "server_verification_cert": open(trust).read(),
    "proxy_options": ProxyOptions(socks.HTTP, "127.0.0.1", int(port)),
}
x509 = X509(chain, key)


def say(**what):
    print(json.dumps(what), flush=True)


def enrol():
    client = ProvisioningDeviceClient.create_from_x509_certificate(
        "global.azure-devices-provisioning.net", name, scope, x509, **how
    )
    return client.register()


def serve(hub):
    client = IoTHubDeviceClient.create_from_x509_certificate(x509, hub, name, **how)
    client.on_twin_desired_properties_patch_received = lambda patch: say(desired=patch)
    client.connect()
    say(twin=client.get_twin())
    client.patch_twin_reported_properties({"desiredVersion": 1})
    client.send_message(Message("hello"))
    say(reported=client.get_twin()["reported"])
    for line in sys.stdin:
        if line.strip() == "stop":
            break
        say(again=client.get_twin()["reported"])
    client.shutdown()


try:
    result = enrol()
    state = result.registration_state
    say(hub=state.assigned_hub, device=state.device_id, status=result.status, sub=state.sub_status)
    if "serve" in steps:
        serve(state.assigned_hub)
except Exception as error:
    cause = error.__cause__
    say(error=type(error).__name__, cause=type(cause).__name__, words=f"{error} {cause}")
"""


class Device(SdkDevice):
    """The script above."""

    def __init__(self, cloud: Any, name: str, identity: Any, *steps: str, scope: str = "0ne00000001") -> None:
        arguments = [name, scope, *map(str, identity), str(cloud.trust), str(cloud.proxy_port), *steps]
        super().__init__("-c", SCRIPT, *arguments, errors=subprocess.DEVNULL)


def _identity(cloud: Any, name: str) -> Any:
    return cloud.identity(cloud.world.pki.leaf(name, cloud.world.factory), cloud.world.factory)


def test_whole_path_and_a_restart_below_it(cloud: Any) -> None:
    cloud.start()
    ports = ",".join(
        str(it) for it in (cloud.proxy_port, cloud.endpoints["mqtt_port"], cloud.endpoints["https_port"])
    )
    with Device(cloud, "pump-1", _identity(cloud, "pump-1"), "serve") as device:
        answer = device.hear()
        assert (answer["device"], answer["status"], answer["sub"]) == (
            "pump-1",
            "assigned",
            "initialAssignment",
        )
        assert answer["hub"] in ("hub-a.azure-devices.net", "hub-b.azure-devices.net")
        twin = device.hear()["twin"]
        assert twin == {"desired": {"interval": 60, "$version": 1}, "reported": {"$version": 1}}
        assert device.hear()["reported"] == {"desiredVersion": 1, "$version": 2}
        cloud.stop(signal.SIGKILL)
        cloud.start(ports)
        device.tell("again")
        assert device.hear()["again"] == {"desiredVersion": 1, "$version": 2}
        device.tell("stop")
        assert device.process.wait(30) == 0


@pytest.mark.parametrize("case", ["unknown", "scope", "name", "disabled"])
def test_refusals_as_the_sdk_sees_them(cloud: Any, case: str) -> None:
    world = cloud.world
    closed = world.pki.authority("closed", world.root)
    world.group("closed", signing=closed, provisioningStatus="disabled")
    issuer = {"unknown": world.pki.authority("root"), "disabled": closed}.get(case, world.factory)
    leaf = world.pki.leaf("pump-2" if case == "name" else "pump-1", issuer)
    cloud.start()
    scope = "0ne99999999" if case == "scope" else "0ne00000001"
    with Device(cloud, "pump-1", cloud.identity(leaf, issuer), scope=scope) as device:
        answer = device.hear()
    reasons = {"unknown": "unknown-authority", "scope": "wrong-id-scope", "name": "cn-mismatch"}
    if case == "disabled":
        assert answer["cause"] == "ServiceError", answer
        assert "403" in answer["words"]
    else:
        assert answer["error"] == "CredentialError", answer
    logged = {it["reason"] for it in cloud.log() if it["event"] == "registration refused"}
    assert logged == {reasons.get(case, "disabled")}


def test_desired_properties_are_pushed(cloud: Any) -> None:
    """Through the service API's own door: the hub's REST interface."""
    cloud.start()
    with Device(cloud, "pump-1", _identity(cloud, "pump-1"), "serve") as device:
        hub = device.hear()["hub"]
        device.hear(), device.hear()
        patch_over_rest(cloud, hub, {"properties": {"desired": {"interval": 5}}})
        assert device.hear()["desired"] == {"interval": 5, "$version": 2}


def patch_over_rest(cloud: Any, hub: str, patch: Any) -> None:
    """PATCH the twin of pump-1 with a bearer token, as azure-identity would get one."""
    values = dict(line.split("=", 1) for line in (cloud.state / "azure.env").read_text().splitlines())
    trust = ssl.create_default_context(cafile=str(cloud.trust))
    with httpx.Client(proxy=cloud.endpoints["proxy"], verify=trust) as client:
        form = {
            "grant_type": "client_credentials",
            "client_id": values["AZURE_CLIENT_ID"],
            "client_secret": values["AZURE_CLIENT_SECRET"],
            "scope": "https://iothubs.azure.net/.default",
        }
        login = f"https://login.microsoftonline.com/{values['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        token = client.post(login, data=form).json()["access_token"]
        answer = client.patch(
            f"https://{hub}/twins/pump-1?api-version=2021-04-12",
            json=patch,
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["connectionState"] == "Connected"
