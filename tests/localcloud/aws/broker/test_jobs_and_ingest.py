"""Jobs over MQTT, basic ingest, shadows over MQTT, and any payload on a reserved topic."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import ALL, Cloud, Device, make

_THING = "$aws/things/pump-1"


@pytest.fixture
def device(cloud: Cloud) -> Device:
    holder = make("pump-1")
    certificate = cloud.certificate(holder, *ALL)
    cloud.thing("pump-1", certificate)
    found = cloud.connect(holder, "pump-1")
    found.subscribe(f"{_THING}/jobs/#", f"{_THING}/shadow/#")
    return found


def _job(cloud: Cloud, job_id: str) -> None:
    params = {
        "jobId": job_id,
        "targets": [cloud.place.arn("thing/pump-1")],
        "document": json.dumps({"do": job_id}),
    }
    asked = cloud.world.operations()["CreateJob"](None, params)  # type: ignore[arg-type]
    if not isinstance(asked, dict):
        asyncio.run(_waited(asked))


async def _waited(work: Any) -> Any:
    return await work


def _ask(device: Device, topic: str, body: Any = b"{}") -> tuple[str, Any]:
    """The answer among all that is heard."""
    device.say(f"{_THING}/{topic}", body)
    heard = device.heard()
    ((name, told),) = [it for it in heard.items() if it[0].endswith(("/accepted", "/rejected"))]
    return name.rpartition("/")[2], told


def test_a_job_from_notice_to_success(cloud: Cloud, device: Device) -> None:
    _job(cloud, "j1")
    heard = device.heard()
    assert [it["jobId"] for it in heard[f"{_THING}/jobs/notify"]["jobs"]["QUEUED"]] == ["j1"]
    assert heard[f"{_THING}/jobs/notify-next"]["execution"]["jobDocument"] == {"do": "j1"}
    outcome, told = _ask(device, "jobs/get", {"clientToken": "t"})
    assert (outcome, told["clientToken"], len(told["queuedJobs"])) == ("accepted", "t", 1)
    outcome, told = _ask(device, "jobs/start-next", {"statusDetails": {"step": "1"}})
    execution = told["execution"]
    assert (outcome, execution["status"], execution["versionNumber"]) == ("accepted", "IN_PROGRESS", 2)
    outcome, told = _ask(device, "jobs/$next/get")
    assert told["execution"]["statusDetails"] == {"step": "1"}
    wrong = {"status": "SUCCEEDED", "expectedVersion": "7"}
    assert _ask(device, "jobs/j1/update", wrong)[1]["code"] == "VersionMismatch"
    right = {"status": "SUCCEEDED", "expectedVersion": "2", "includeJobExecutionState": True}
    outcome, told = _ask(device, "jobs/j1/update", right)
    assert (outcome, told["executionState"]["status"]) == ("accepted", "SUCCEEDED")
    outcome, told = _ask(device, "jobs/j1/update", {"status": "IN_PROGRESS"})
    assert (outcome, told["code"]) == ("rejected", "InvalidStateTransition")
    assert _ask(device, "jobs/get")[1]["queuedJobs"] == []
    assert _ask(device, "jobs/start-next")[1].get("execution") is None


@pytest.mark.parametrize(
    ("topic", "body", "code"),
    [
        ("jobs/none/get", {}, "ResourceNotFound"),
        ("jobs/none/update", {"status": "SUCCEEDED"}, "ResourceNotFound"),
        ("jobs/none/update", {}, "InvalidRequest"),
        ("jobs/none/update", {"status": 1}, "InvalidRequest"),
        ("jobs/none/update", {"status": "SUCCEEDED", "expectedVersion": "x"}, "InvalidRequest"),
        ("jobs/get", b"[", "InvalidJson"),
        ("jobs/get", {"clientToken": 1}, "InvalidRequest"),
        ("jobs/get", {"other": 1}, "InvalidRequest"),
        ("jobs/a b/get", {}, "InvalidRequest"),
        ("jobs/$next/get", {"includeJobDocument": "yes"}, "InvalidRequest"),
        ("jobs/start-next", {"statusDetails": {"a b": "c"}}, "InvalidRequest"),
        ("jobs/start-next", {"stepTimeoutInMinutes": True}, "InvalidRequest"),
        ("jobs/none/update", {"status": "DONE"}, "InvalidRequest"),
        ("jobs/none/update", {"status": "FAILED", "statusDetails": {"a": 1}}, "InvalidRequest"),
        ("jobs/none/update", {"status": "FAILED", "statusDetails": {"a": ""}}, "InvalidRequest"),
        ("jobs/none/update", {"status": "FAILED", "executionNumber": 2**63}, "InvalidRequest"),
    ],
)
def test_jobs_that_are_rejected(device: Device, topic: str, body: Any, code: str) -> None:
    outcome, told = _ask(device, topic, body)
    assert (outcome, told["code"]) == ("rejected", code)
    assert not device.closed


def test_notify_next_comes_when_the_next_is_another(cloud: Cloud, device: Device) -> None:
    _job(cloud, "j1")
    device.heard()
    _job(cloud, "j2")
    assert set(device.heard()) == {f"{_THING}/jobs/notify"}
    device.say(f"{_THING}/jobs/j1/update", {"status": "REJECTED"})
    assert device.heard()[f"{_THING}/jobs/notify-next"]["execution"]["jobId"] == "j2"
    device.say(f"{_THING}/jobs/j2/update", {"status": "FAILED"})
    assert device.heard()[f"{_THING}/jobs/notify-next"]["execution"] == {}


def test_shadows_over_mqtt(device: Device) -> None:
    outcome, told = _ask(device, "shadow/get", {"clientToken": "t"})
    assert (outcome, told["code"], told["clientToken"]) == ("rejected", 404, "t")
    outcome, told = _ask(device, "shadow/update", {"state": {"desired": {"a": 1}}, "clientToken": "u"})
    assert (outcome, told["version"], told["clientToken"]) == ("accepted", 1, "u")
    device.say(f"{_THING}/shadow/name/config/update", {"state": {"desired": {"b": 1}}})
    heard = device.heard()
    assert heard[f"{_THING}/shadow/name/config/update/delta"]["state"] == {"b": 1}
    assert f"{_THING}/shadow/name/config/update/documents" in heard
    assert _ask(device, "shadow/update", {"state": {}, "version": 9})[1]["code"] == 409
    assert _ask(device, "shadow/update", b"{")[1]["code"] == 400
    assert _ask(device, "shadow/delete")[1]["version"] == 1
    assert _ask(device, "shadow/name/config/get")[1]["state"]["delta"] == {"b": 1}


def test_answers_of_a_shadow_are_no_requests(device: Device) -> None:
    device.say(f"{_THING}/shadow/update/accepted", {})
    assert device.closed


_TOPICS = st.sampled_from(
    [
        f"{_THING}/jobs/get",
        f"{_THING}/jobs/start-next",
        f"{_THING}/jobs/j1/update",
        f"{_THING}/jobs/$next/get",
        f"{_THING}/shadow/update",
        f"{_THING}/shadow/name/x/get",
        "$aws/certificates/create-from-csr/json",
        "$aws/rules/r/t",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=5,
)
_MEMBERS = (
    "status statusDetails expectedVersion executionNumber stepTimeoutInMinutes clientToken state version "
    "certificateSigningRequest"
)
_BODIES = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(_MEMBERS.split(), _JSON),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_TOPICS, st.binary(max_size=40) | _BODIES.map(lambda it: json.dumps(it).encode()))
def test_any_payload_is_answered(device: Device, topic: str, payload: bytes) -> None:
    device.say(topic, payload)
    assert not device.closed
    device.messages.clear()
