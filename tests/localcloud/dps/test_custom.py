"""Custom allocation: what the webhook is told, what its answer does, and how a device hears of a failure."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.dps import custom
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import INDIVIDUAL, Document

from .conftest import HUBS, Fleet, result_of, token
from .test_admission import signing

NAME = "pump-1"
URL = "https://app.azurewebsites.net/api/choose?code=hush"
CUSTOM = {
    "allocationPolicy": "custom",
    "customAllocationDefinition": {"webhookUrl": URL, "apiVersion": "2021-10-01"},
}


class Hook:
    """A webhook in memory: `answers` what the test wants, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Document]] = []
        self.waits = asyncio.Event()
        self.waits.set()

    async def __call__(self, url: str, body: Document) -> tuple[int, bytes]:
        self.asked.append((url, body))
        await self.waits.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        status, content = self.answer
        return status, content if isinstance(content, bytes) else json.dumps(content).encode()


def _chosen(host: str = HUBS[1], **more: Any) -> tuple[int, Document]:
    return 200, {"iotHubHostName": host, **more}


async def _registered(fleet: Fleet, body: bytes = b"{}", **how: Any) -> Document:
    how = how or {"peer": fleet.world.chain(NAME)}
    accepted = fleet.register(NAME, body, **how)
    assert (accepted.status, accepted.body["status"]) == (202, "assigning")
    for _ in range(100):
        answer = fleet.poll(NAME, accepted, **how)
        assert answer.body["operationId"] == accepted.body["operationId"]
        if answer.status == 200:
            found: Document = answer.body
            return found
        assert (answer.status, answer.body["status"]) == (202, "assigning")
        await asyncio.sleep(0)
    raise AssertionError("never done")


def _run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


def test_the_webhook_decides_and_the_device_hears_its_payload(fleet: Fleet) -> None:
    async def work() -> None:
        twin = {"tags": {"kind": "toaster"}, "properties": {"desired": {"darkness": 3}}}
        hook = fleet.registry.webhook = Hook(_chosen(HUBS[1].upper(), initialTwin=twin, payload={"hello": 1}))
        fleet.group("line", signing(fleet.world.factory), **CUSTOM)
        body = json.dumps({"payload": {"model": "x"}}).encode()
        answer = await _registered(fleet, body)
        state = answer["registrationState"]
        assert (answer["status"], state["assignedHub"], state["payload"]) == (
            "assigned",
            HUBS[1],
            {"hello": 1},
        )
        made = fleet.world.hubs.get_twin(HUBS[1], NAME)
        assert (made["tags"], made["properties"]["desired"]["darkness"]) == ({"kind": "toaster"}, 3)
        [(url, asked)] = hook.asked
        assert url == URL
        assert set(asked) == {"enrollmentGroup", "deviceRuntimeContext", "linkedHubs"}
        assert asked["linkedHubs"] == list(HUBS)
        assert asked["enrollmentGroup"]["customAllocationDefinition"]["webhookUrl"].endswith("/choose?****")
        context = asked["deviceRuntimeContext"]
        assert (context["registrationId"], context["payload"]) == (NAME, {"model": "x"})
        assert set(context["x509"]) == {"clientCertificate"}
        await _registered(fleet)
        again = hook.asked[1][1]["deviceRuntimeContext"]
        assert (again["currentIotHubHostName"], again["currentDeviceId"]) == (HUBS[1], NAME)
        assert "payload" not in again

    _run(work)


def test_keys_stay_out_of_the_request(fleet: Fleet) -> None:
    async def work() -> None:
        hook = fleet.registry.webhook = Hook(_chosen())
        fleet.individual(NAME, {"type": "symmetricKey"}, **CUSTOM)
        keys = fleet.keys(INDIVIDUAL, NAME)
        assert (await _registered(fleet, token=token(keys["primaryKey"], NAME)))["status"] == "assigned"
        [(_, asked)] = hook.asked
        assert asked["individualEnrollment"]["attestation"] == {"type": "symmetricKey"}
        assert asked["deviceRuntimeContext"]["symmetricKey"] == {}
        assert not any(key in json.dumps(asked) for key in keys.values())

    _run(work)


FAILED: list[tuple[str, Any, str]] = [
    ("an error", (400, b"no toasters"), "Custom allocation failed with status code: 400"),
    ("late", TimeoutError(), "Custom allocation failed: the webhook did not answer in time"),
    ("unreachable", ConnectionRefusedError(), "cannot be reached: ConnectionRefusedError"),
    ("no such app", OSError("not at x.com"), "the webhook cannot be reached: not at x.com"),
    ("no JSON", (200, b"{"), "the webhook's answer is not JSON"),
    ("no object", (200, []), "the webhook's answer is no JSON object"),
    ("no hub", (200, {}), "lacks iotHubHostName"),
    (
        "an unknown hub",
        _chosen("x.azure-devices.net"),
        "chose the hub 'x.azure-devices.net'; linked are hub-a",
    ),
    ("a bad twin", _chosen(initialTwin={"tags": 1}), "initialTwin.tags: must be an object"),
    (
        "a bad key",
        _chosen(initialTwin={"tags": {"a.b": 1}}),
        "initialTwin in the webhook's answer: key 'a.b'",
    ),
    ("a bad payload", _chosen(payload="x"), "payload in the webhook's answer is no JSON object"),
    ("a large answer", (200, b" " * 300_000), "larger than 262144 bytes"),
]


@pytest.mark.parametrize(("answer", "words"), [it[1:] for it in FAILED], ids=[it[0] for it in FAILED])
def test_a_failure_is_told_kept_and_counted(fleet: Fleet, answer: Any, words: str) -> None:
    async def work() -> None:
        fleet.registry.webhook = Hook(answer)
        fleet.group("line", signing(fleet.world.factory), **CUSTOM)
        told = await _registered(fleet)
        state = told["registrationState"]
        assert (told["status"], state["status"], state["errorCode"]) == ("failed", "failed", 400207)
        assert words in state["errorMessage"]
        assert "hush" not in json.dumps(told)
        assert fleet.registry.registration("fleet", NAME)["errorMessage"] == state["errorMessage"]
        assert fleet.world.store.list("device") == []
        assert fleet.refusals == ["allocation-failed"]
        fleet.registry.webhook = Hook(_chosen())
        assert (await _registered(fleet))["registrationState"]["substatus"] == "initialAssignment"

    _run(work)


def test_without_a_webhook_caller_it_fails_in_words(fleet: Fleet) -> None:
    async def work() -> None:
        fleet.group("line", signing(fleet.world.factory), **CUSTOM)
        assert (
            "cannot be reached from here" in (await _registered(fleet))["registrationState"]["errorMessage"]
        )

    _run(work)


def test_a_failure_later_keeps_where_the_device_was(fleet: Fleet) -> None:
    async def work() -> None:
        hook = fleet.registry.webhook = Hook(_chosen(HUBS[0]))
        fleet.group("line", signing(fleet.world.factory), **CUSTOM)
        await _registered(fleet)
        hook.answer = (500, b"")
        state = (await _registered(fleet))["registrationState"]
        assert (state["status"], state["assignedHub"]) == ("failed", HUBS[0])
        hook.answer = _chosen(HUBS[1])
        assert (await _registered(fleet))["registrationState"]["substatus"] == "deviceDataMigrated"
        twin = {"tags": {}, "properties": {"desired": {"a": 1}}}
        fleet.world.hubs.patch_reported(HUBS[1], NAME, {"seen": 1})
        hook.answer = _chosen(HUBS[1], initialTwin=twin)
        await _registered(fleet)
        made = fleet.world.hubs.get_twin(HUBS[1], NAME)["properties"]
        assert (made["desired"]["a"], "seen" in made["reported"]) == (1, False)

    _run(work)


def test_a_device_that_keeps_its_hub_asks_nobody(fleet: Fleet) -> None:
    async def work() -> None:
        hook = fleet.registry.webhook = Hook(_chosen())
        keep = {"updateHubAssignment": False, "migrateDeviceData": False}
        fleet.group("line", signing(fleet.world.factory), reprovisionPolicy=keep, **CUSTOM)
        await _registered(fleet)
        assert (await _registered(fleet))["registrationState"]["assignedHub"] == HUBS[1]
        assert len(hook.asked) == 1

    _run(work)


def test_one_question_at_a_time_and_disabled_meanwhile(fleet: Fleet) -> None:
    async def work() -> None:
        hook = fleet.registry.webhook = Hook(_chosen())
        hook.waits.clear()
        fleet.group("line", signing(fleet.world.factory), **CUSTOM)
        chain = fleet.world.chain(NAME)
        first, second = (fleet.register(NAME, peer=chain) for _ in "ab")
        assert first.body["operationId"] == second.body["operationId"]
        await asyncio.sleep(0)
        fleet.group("line", signing(fleet.world.factory), provisioningStatus="disabled", **CUSTOM)
        hook.waits.set()
        while fleet.poll(NAME, first, peer=chain).status == 202:
            await asyncio.sleep(0)
        state = fleet.poll(NAME, first, peer=chain).body["registrationState"]
        assert (state["errorCode"], len(hook.asked)) == (403000, 1)
        assert fleet.refusals == ["disabled"]

    _run(work)


@given(
    st.integers(100, 599),
    st.binary(max_size=60) | st.text(max_size=60).map(lambda it: json.dumps(it).encode()),
)
def test_any_answer_is_a_choice_or_a_failure(status: int, raw: bytes) -> None:
    found = result_of(lambda: custom.read_answer(status, raw, HUBS), DpsError)
    if isinstance(found, DpsError):
        assert found.message.startswith("Custom allocation failed")
    else:
        assert found.host in HUBS
