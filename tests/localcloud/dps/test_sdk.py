"""azure-iot-device 2.14, unmodified, in a process of its own: by its own certificate, or by a key."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL

from .conftest import HUBS, Cloud, Fleet
from .test_admission import own

NAME = "pump-1"
SCRIPT = r"""
import json, os, sys
import socks
from azure.iot.device import ProvisioningDeviceClient, ProxyOptions, X509

name, trust, port, chain, key_file = sys.argv[1:6]
how = {
    "server_verification_cert": open(trust).read(),
    "proxy_options": ProxyOptions(socks.HTTP, "127.0.0.1", int(port)),
}
place = {
    "provisioning_host": "global.azure-devices-provisioning.net",
    "registration_id": name,
    "id_scope": "0ne00000001",
}
if chain:
    client = ProvisioningDeviceClient.create_from_x509_certificate(x509=X509(chain, key_file), **place, **how)
else:
    key = os.environ["DEVICE_KEY"]
    client = ProvisioningDeviceClient.create_from_symmetric_key(symmetric_key=key, **place, **how)
try:
    result = client.register()
    state = result.registration_state
    print(json.dumps({"hub": state.assigned_hub, "device": state.device_id, "status": result.status}))
except Exception as error:
    print(json.dumps({"error": type(error).__name__, "words": f"{error} {error.__cause__}"}))
os._exit(0)
"""


def _device(cloud: Cloud, name: str, key: str = "", identity: Any = ("", "")) -> Any:
    arguments = [name, str(cloud.trust), str(cloud.proxy_port), *map(str, identity)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "DEVICE_KEY": key},
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("slot", ["primaryKey", "secondaryKey"])
def test_a_key_of_its_own(cloud: Cloud, slot: str) -> None:
    fleet = Fleet(cloud.world)
    fleet.individual(NAME, {"type": "symmetricKey"}, deviceId="berth-7", iotHubs=[HUBS[1]])
    key = fleet.keys(INDIVIDUAL, NAME)[slot]
    cloud.start()
    assert _device(cloud, NAME, key) == {"hub": HUBS[1], "device": "berth-7", "status": "assigned"}
    assert key not in (cloud.state / "cloud.log").read_text()


def test_a_key_derived_from_a_groups_and_one_that_is_not(cloud: Cloud) -> None:
    fleet = Fleet(cloud.world)
    fleet.group("line", {"type": "symmetricKey"}, allocationPolicy="static", iotHubs=[HUBS[0]])
    key = base64.b64decode(fleet.keys(GROUP, "line")["primaryKey"])
    derived = base64.b64encode(hmac.new(key, NAME.encode(), hashlib.sha256).digest()).decode()
    cloud.start()
    assert _device(cloud, NAME, derived) == {"hub": HUBS[0], "device": NAME, "status": "assigned"}
    assert _device(cloud, "pump-2", derived)["error"] == "CredentialError"
    logged = [it["reason"] for it in cloud.log() if it["event"] == "registration refused"]
    assert set(logged) == {"bad-signature"}


def test_a_certificate_of_its_own(cloud: Cloud) -> None:
    fleet = Fleet(cloud.world)
    first, second, other = (cloud.world.pki.leaf(NAME, None) for _ in range(3))
    fleet.individual(NAME, own(first, second), iotHubs=[HUBS[1]])
    cloud.start()
    for holder in (first, second):
        found = _device(cloud, NAME, identity=cloud.identity(holder))
        assert found == {"hub": HUBS[1], "device": NAME, "status": "assigned"}
    assert _device(cloud, NAME, identity=cloud.identity(other))["error"] == "CredentialError"


def test_a_disabled_enrollment_is_told(cloud: Cloud) -> None:
    fleet = Fleet(cloud.world)
    fleet.individual(NAME, {"type": "symmetricKey"}, provisioningStatus="disabled")
    cloud.start()
    told = _device(cloud, NAME, fleet.keys(INDIVIDUAL, NAME)["primaryKey"])
    assert "403" in told["words"], told
