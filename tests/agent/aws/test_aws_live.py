"""One device process against the local AWS: the events that `tests/agent/test_device.py` has for Azure."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import VERSION
from tests.agent.processes import Device
from tests.localcloud.aws.live.conftest import ROOT, Cloud, Identity

STEPS = ["starting", "assigned", "connected", "twin", "reported"]
TOPICS = ("--topics", "coldchain/vans")
_NAME = "${iot:Connection.Thing.ThingName}"
_ALLOWED = (
    ("Connect", f"client/{_NAME}"),
    ("Publish", f"topic/$aws/things/{_NAME}/shadow/*"),
    ("Receive", f"topic/$aws/things/{_NAME}/shadow/*"),
    ("Subscribe", f"topicfilter/$aws/things/{_NAME}/shadow/*"),
    ("Publish", f"topic/dt/coldchain/vans/{_NAME}/telemetry"),
)


class Fleet(Cloud):
    """A local cloud that can be killed and started again where it was, with devices' things."""

    def kill(self) -> None:
        """As a machine dies."""
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()

    def again(self) -> None:
        """Start it on the ports that it had."""
        told = json.loads((self.state / "endpoints.json").read_text())
        ports = f"{self.proxy.rpartition(':')[2]},{told['mqtt_port']},{told['https_port']}"
        command = [sys.executable, "-m", "localcloud", "--state", str(self.state), "--ports", ports]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def allow(self) -> None:
        """Make the policy of all devices."""
        statements = [
            {
                "Effect": "Allow",
                "Action": f"iot:{action}",
                "Resource": f"arn:aws:iot:eu-west-1:111122223333:{it}",
            }
            for action, it in _ALLOWED
        ]
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.client("iot").create_policy(policyName="vans", policyDocument=text)

    def equip(self, folder: Path, name: str) -> tuple[Identity, str]:
        """A thing with its certificate, registered beforehand; gives the certificate's id."""
        identity, iot = Identity(folder, name), self.client("iot")
        made = iot.register_certificate_without_ca(certificatePem=identity.pem, status="ACTIVE")
        iot.create_thing(thingName=name)
        iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        iot.attach_policy(policyName="vans", target=made["certificateArn"])
        return identity, str(made["certificateId"])

    def desire(self, name: str, **desired: Any) -> None:
        """Change the desired state, as an operator does."""
        payload = json.dumps({"state": {"desired": desired}})
        self.client("iot-data").update_thing_shadow(thingName=name, payload=payload)["payload"].read()

    def reported(self, name: str) -> Any:
        """What the device has reported."""
        answer = self.client("iot-data").get_thing_shadow(thingName=name)
        return json.loads(answer["payload"].read())["state"]["reported"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    made = Fleet(tmp_path_factory.mktemp("cloud"))
    made.allow()
    yield made
    made.stop()


Run = Callable[..., Device]


@pytest.fixture
def run(fleet: Fleet, tmp_path: Path, base_environment: dict[str, str]) -> Iterator[Run]:
    """Starts devices; those that still run are killed in the end."""
    devices: list[Device] = []

    def start(name: str, identity: Identity, *more: str) -> Device:
        told = {"MUSTER_PROXY": fleet.proxy, "MUSTER_CA_FILE": str(fleet.trust)}
        shown = ["--certificate", str(identity.certificate), "--key", str(identity.key)]
        arguments = ["--registration-id", name, "--endpoint", fleet.endpoint, *shown, *more]
        log = tmp_path / f"device-{len(devices)}.log"
        devices.append(Device(arguments, base_environment | told, log))
        return devices[-1]

    yield start
    for device in devices:
        device.kill()


def test_all_steps_and_a_desired_change(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    identity, _ = fleet.equip(tmp_path, "van-1")
    fleet.desire("van-1", intervalSeconds=30)
    device = run("van-1", identity)
    reported = device.wait("reported")
    assert device.events() == STEPS
    assert device.wait("assigned")["hub"] == fleet.endpoint
    assert 0 < device.wait("assigned")["seconds"] < device.wait("connected")["seconds"] < reported["seconds"]
    assert device.wait("twin")["desiredVersion"] == reported["version"]
    told = fleet.reported("van-1")
    assert (told["intervalSeconds"], told["agent"]["version"]) == (30, VERSION)

    fleet.desire("van-1", intervalSeconds=5)
    again = device.wait("reported", 2)
    assert device.events()[-2:] == ["desired-changed", "reported"]
    told = fleet.reported("van-1")
    assert (told["intervalSeconds"], told["desiredVersion"]) == (5, again["version"])

    assert device.stop() == 0
    assert device.events()[-1] == "stopped"


def test_a_wrong_wish_is_refused_and_the_last_good_one_holds(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    identity, _ = fleet.equip(tmp_path, "van-2")
    fleet.desire("van-2", intervalSeconds=30)
    device = run("van-2", identity)
    device.wait("reported")
    fleet.desire("van-2", intervalSeconds=0)
    device.wait("reported", 2)
    told = fleet.reported("van-2")
    assert (told["intervalSeconds"], list(told["refusedSettings"])) == (30, ["intervalSeconds"])
    fleet.desire("van-2", intervalSeconds=None)
    device.wait("reported", 3)
    told = fleet.reported("van-2")
    assert told["intervalSeconds"] == 60
    assert "refusedSettings" not in told


def test_a_killed_cloud_comes_back_and_so_does_the_device(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    identity, _ = fleet.equip(tmp_path, "van-3")
    device = run("van-3", identity)
    device.wait("reported")
    fleet.kill()
    device.wait("disconnected")
    device.wait("retrying")
    fleet.again()
    device.wait("reported", 2)
    assert device.events().count("assigned") == 1
    assert "refused" not in device.events()
    assert device.stop(signal.SIGINT) == 0


def test_a_first_start_without_a_network(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    identity, _ = fleet.equip(tmp_path, "van-4")
    fleet.kill()
    device = run("van-4", identity, "--attempts", "1")
    device.wait("retrying")
    assert "refused" not in device.events()
    fleet.again()
    device.wait("reported")
    assert device.stop() == 0


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_certificate_that_is_taken_back_while_it_is_in_use(
    fleet: Fleet, run: Run, tmp_path: Path, status: str
) -> None:
    name = f"van-{status.lower()}"
    identity, certificate = fleet.equip(tmp_path, name)
    device = run(name, identity, "--attempts", "1")
    device.wait("reported")
    fleet.client("iot").update_certificate(certificateId=certificate, newStatus=status)
    assert device.ended() == 3
    assert device.events()[5:] == ["disconnected", "retrying", "retrying", "retrying", "refused"]
    assert "not active" in device.wait("refused")["reason"]


def test_a_device_that_is_let_in_again_comes_back(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    identity, certificate = fleet.equip(tmp_path, "van-5")
    iot = fleet.client("iot")
    device = run("van-5", identity)
    device.wait("reported")
    iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
    device.wait("disconnected")
    iot.update_certificate(certificateId=certificate, newStatus="ACTIVE")
    device.wait("reported", 2)
    assert "refused" not in device.events()
    assert device.stop() == 0


def test_a_refused_device_waits_for_a_person_and_stops_when_told(
    fleet: Fleet, run: Run, tmp_path: Path
) -> None:
    identity = Identity(tmp_path, "nobody")
    device = run("nobody", identity)
    device.wait("refused")
    assert device.wait("retrying", 3)["inSeconds"] <= 3600
    assert device.stop() == 0


def test_no_key_reaches_the_log(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    identity, _ = fleet.equip(tmp_path, "van-6")
    device = run("van-6", identity, "--log-level", "debug", *TOPICS)
    device.wait("reported")
    device.stop()
    secret = identity.key.read_text().splitlines()[1]
    assert all(secret not in file.read_text() for file in tmp_path.glob("device-*"))
