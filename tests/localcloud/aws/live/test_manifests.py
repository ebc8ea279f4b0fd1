"""Manifests on AWS against a started cloud, through boto3 and the proxy: bulk, refusals, drift, kill -9."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provider.clients.aws import Aws
from provider.clients.retry import Clock
from provider.errors import InitFailedError
from provider.handlers.thing_manifest import ThingManifest
from tests.localcloud.aws.live.conftest import ROOT, Cloud, Identity
from tests.provider.conftest import Life

ROWS = 60
RUN = "tests.localcloud.aws.live.manifest_run"


class Bulk:
    """One manifest of the cloud: its file, and what its devices become."""

    def __init__(self, cloud: Cloud, folder: Path, name: str) -> None:
        self.cloud, self.folder, self.name = cloud, folder, name
        self.iot = cloud.client("iot")
        self.identities: dict[str, Identity] = {}
        self.environment = {
            **cloud.keys,
            "MUSTER_PROXY": cloud.proxy,
            "MUSTER_CA_FILE": str(cloud.trust),
            "MUSTER_STATE_DIR": str(folder / "state"),
            "MUSTER_IOT_PACE": "0",
        }
        self.iot.create_thing_type(thingTypeName=name)
        self.iot.create_thing_group(thingGroupName=name)
        for policy in self.policies:
            self.iot.create_policy(policyName=policy, policyDocument=json.dumps(_connects()))

    @property
    def policies(self) -> list[str]:
        return [self.name, f"{self.name}.shadow"]

    def handler(self) -> ThingManifest:
        return ThingManifest(Aws(self.environment).client, Clock(), self.environment)

    def life(self) -> Life:
        return Life(self.handler())

    def ids(self, count: int) -> list[str]:
        return [f"{self.name}-{number}" for number in range(count)]

    def inputs(self, names: list[str], **cells: str) -> dict[str, Any]:
        path = self.folder / f"{self.name}.csv"
        rows = [",".join([name, f'"{self.identity(name).pem}"', *cells.values()]) for name in names]
        path.write_text("\n".join([",".join(["registration_id", "certificate", *cells]), *rows]) + "\n")
        return {
            "dataEndpoint": self.cloud.endpoint,
            "file": str(path),
            "contentHash": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
            "thingType": self.name,
            "thingGroup": self.name,
            "policies": self.policies,
            "initialTwin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 5}},
        }

    def identity(self, name: str) -> Identity:
        if name not in self.identities:
            self.identities[name] = Identity(self.folder, name)
        return self.identities[name]

    def things(self) -> dict[str, dict[str, str]]:
        pages = self.iot.get_paginator("list_things").paginate(
            attributeName="musterManifest", attributeValue=self.name
        )
        return {each["thingName"]: each["attributes"] for page in pages for each in page["things"]}

    def certificates(self) -> set[str]:
        pages = self.iot.get_paginator("list_certificates").paginate()
        return {each["certificateId"] for page in pages for each in page["certificates"]}

    def task(self, inputs: dict[str, Any], known: Any = None, *, pace: str = "0") -> Path:
        """What a run of its own does; with a pace it takes seconds, in which it can be killed."""
        path = self.folder / "task.json"
        environment = {**self.environment, "MUSTER_IOT_PACE": pace}
        told = {"environment": environment, "inputs": inputs, "known": known, "result": str(self.result)}
        path.write_text(json.dumps(told))
        return path

    @property
    def result(self) -> Path:
        return self.folder / "result.json"


def _connects() -> dict[str, Any]:
    client = "arn:aws:iot:eu-west-1:111122223333:client/${iot:Connection.Thing.ThingName}"
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": client}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.fixture
def bulk(cloud: Cloud, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bulk]:
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    made = Bulk(cloud, tmp_path, f"m{name}")
    yield made
    made.handler().delete(f"{cloud.endpoint}/manifests/{made.name}")
    assert made.things() == {}


@pytest.mark.timeout(180)
def test_rows_become_devices_that_connect_and_a_refresh_sees_what_was_changed_by_hand(bulk: Bulk) -> None:
    life = bulk.life()
    names = bulk.ids(15)
    before = bulk.certificates()
    life.create(bulk.inputs(names, **{"tags.floor": "3"}))
    assert [life.properties[each] for each in ("rows", "accepted", "refused")] == [15, 15, 0]
    assert set(bulk.things()) == set(names)
    assert len(bulk.certificates() - before) == 15
    _is_whole(bulk, names[4])
    told = [each.text for each in life.handler.notices(None, life.handler.state(life.inputs, {}).inputs)]
    assert told == [f"manifest {bulk.name}: 0 added, 0 changed, 0 removed"]
    _comes_in(bulk, names[4])
    assert life.refresh()
    assert life.changed() == {}
    _delete_by_hand(bulk, names[7])
    assert life.refresh()
    assert life.properties["accepted"] == 14
    assert set(life.changed()) == {"accepted"}
    life.update()
    assert set(bulk.things()) == set(names)
    assert life.properties["accepted"] == 15

    life.update(**bulk.inputs([*names[1:], f"{bulk.name}-new"], **{"tags.floor": "4"}))
    assert set(bulk.things()) == {*names[1:], f"{bulk.name}-new"}
    assert {each["floor"] for each in bulk.things().values()} == {"4"}
    assert len(bulk.certificates() - before) == 15


def _is_whole(bulk: Bulk, name: str) -> None:
    thing = bulk.iot.describe_thing(thingName=name)
    assert (thing["thingTypeName"], thing["attributes"]["line"], thing["attributes"]["floor"]) == (
        bulk.name,
        "reefer",
        "3",
    )
    groups = bulk.iot.list_thing_groups_for_thing(thingName=name)["thingGroups"]
    assert [each["groupName"] for each in groups] == [bulk.name]
    [arn] = bulk.iot.list_thing_principals(thingName=name)["principals"]
    attached = bulk.iot.list_attached_policies(target=arn)["policies"]
    assert sorted(each["policyName"] for each in attached) == bulk.policies
    shadow = bulk.cloud.client("iot-data").get_thing_shadow(thingName=name)["payload"].read()
    assert json.loads(shadow)["state"]["desired"] == {"intervalSeconds": 5}


def _comes_in(bulk: Bulk, name: str) -> None:
    identity = bulk.identity(name)
    options = {"name": name, "certificate": str(identity.certificate), "key": str(identity.key)}
    with bulk.cloud.device("mqtt3", **options) as device:
        assert device.hear() == {"connected": name}


def _delete_by_hand(bulk: Bulk, name: str) -> None:
    for arn in bulk.iot.list_thing_principals(thingName=name)["principals"]:
        bulk.iot.detach_thing_principal(thingName=name, principal=arn)
    bulk.iot.delete_thing(thingName=name)


@pytest.mark.timeout(120)
def test_refused_rows_are_told_and_the_rest_goes_through(bulk: Bulk) -> None:
    names = bulk.ids(4)
    bulk.iot.create_thing(thingName=names[1], attributePayload={"attributes": {"owner": "me"}})
    inputs = bulk.inputs(names, **{"tags.site": "oslo"})
    path = Path(inputs["file"])
    text = path.read_text().replace(",oslo", ",a b", 1)
    path.write_text(text + f'{bulk.name}.dot,"{bulk.identity(bulk.name + ".dot").pem}",oslo\n')
    inputs["contentHash"] = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    life = bulk.life()
    wanted = life.handler.state(life.handler.check(inputs).inputs, {}).inputs
    seen = "\n".join(each.text for each in life.handler.notices(None, wanted))
    assert f"manifest {bulk.name}: 3 added, 0 changed, 0 removed, 2 refused" in seen
    with pytest.raises(InitFailedError) as raised:
        life.create(inputs)
    told = str(raised.value)
    assert f"line 2: {names[0]}: tags.site can be no attribute of a thing" in told
    assert f"{names[1]} exists in the service and is not of this manifest; it was left alone" in told
    assert f"{bulk.name}.dot: registration_id is no thing's name" in told
    assert set(bulk.things()) == set(names[2:])
    assert bulk.iot.describe_thing(thingName=names[1])["attributes"] == {"owner": "me"}
    bulk.iot.delete_thing(thingName=names[1])


@pytest.mark.timeout(300)
def test_kill_9_in_the_middle_and_nothing_is_registered_twice(bulk: Bulk) -> None:
    names = bulk.ids(ROWS)
    before = bulk.certificates()
    task = bulk.task(bulk.inputs(names), pace="3")
    killed = 0
    for share in (0.2, 0.5, 0.8):
        killed += _killed_at(bulk, task, int(ROWS * share))
    assert killed == 3
    subprocess.run([sys.executable, "-m", RUN, str(task)], cwd=ROOT, check=True)
    state = json.loads(bulk.result.read_text())["properties"]
    assert [state[each] for each in ("rows", "accepted", "refused")] == [ROWS, ROWS, 0]
    assert set(bulk.things()) == set(names)
    assert all(each["musterRow"] for each in bulk.things().values())
    assert len(bulk.certificates() - before) == ROWS
    for name in names[::6]:
        [arn] = bulk.iot.list_thing_principals(thingName=name)["principals"]
        assert len(bulk.iot.list_attached_policies(target=arn)["policies"]) == 2


@pytest.mark.timeout(300)
def test_kill_9_amid_changes_and_removals(bulk: Bulk) -> None:
    names = bulk.ids(ROWS)
    before = bulk.certificates()
    life = bulk.life()
    life.create(bulk.inputs(names, **{"tags.floor": "3"}))
    left = names[20:]
    inputs = {**bulk.inputs(left, **{"tags.floor": "4"}), "allowRemovals": True}
    known = {"inputs": life.inputs, "properties": life.properties}

    def changed() -> int:
        return sum(each["floor"] == "4" for each in bulk.things().values())

    assert _killed_when(bulk.task(inputs, known, pace="1"), lambda: len(bulk.things()) <= ROWS - 8)
    assert _killed_when(bulk.task(inputs, known, pace="0.4"), lambda: changed() >= 5)
    subprocess.run([sys.executable, "-m", RUN, str(bulk.task(inputs, known))], cwd=ROOT, check=True)
    assert set(bulk.things()) == set(left)
    assert changed() == len(left)
    assert len(bulk.certificates() - before) == len(left)


def _killed_at(bulk: Bulk, task: Path, things: int) -> bool:
    """Kill a run as soon as there are so many things; whether it was still at work."""
    return _killed_when(task, lambda: len(bulk.things()) >= things)


def _killed_when(task: Path, reached: Callable[[], bool]) -> bool:
    with subprocess.Popen([sys.executable, "-m", RUN, str(task)], cwd=ROOT) as process:
        while process.poll() is None and not reached():
            time.sleep(0.02)
        process.kill()
        return process.wait() == -9
