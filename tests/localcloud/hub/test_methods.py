"""Direct methods: to a device that is there, comes late, is silent or says nonsense; each refusal."""

import asyncio
import json
from typing import Any

import pytest

from localcloud.calls import Answer, Call
from localcloud.mqtt.packets import MalformedPacket, Publish

from .conftest import HOST, SAS, Hub, Line

METHODS = "$iothub/methods/POST/#"


async def _invoke(hub: Hub, subject: str = "pump-1", **body: Any) -> Answer:
    path = "/twins/" + "/modules/".join(subject.split("/")) + "/methods"
    raw = json.dumps({"methodName": "reboot", **body}).encode()
    reply = hub.service.answer(Call("POST", HOST, path, {"api-version": "2021-04-12"}, raw=raw))
    return reply if isinstance(reply, Answer) else await reply


def _subscribed(hub: Hub, subject: str = "pump-1") -> tuple[Any, Line]:
    conversation, line = hub.connect(subject, hub.token(subject))
    assert conversation.subscribe(METHODS, 1) == 1
    return conversation, line


async def _answered(
    hub: Hub, answer: bytes, status: str = "200", subject: str = "pump-1", **body: Any
) -> Answer:
    conversation, line = _subscribed(hub, subject)
    asked = asyncio.ensure_future(_invoke(hub, subject, **body))
    await asyncio.sleep(0)
    request = line.sent[-1][0].partition("?$rid=")[2]
    conversation.publish(Publish(f"$iothub/methods/res/{status}/?$rid={request}", answer, 0, 0))
    return await asked


def test_question_and_answer(hub: Hub) -> None:
    hub.device("pump-1")
    answer = asyncio.run(_answered(hub, b'{"done": true}', "201", payload={"in": 5}))
    assert (answer.status, answer.body) == (200, {"status": 201, "payload": {"done": True}})
    holder: Any = hub.devices.seats.holder(f"{HOST}/pump-1")
    topic, payload = holder._channel.sent[0]
    assert topic.startswith("$iothub/methods/POST/reboot/?$rid=")
    assert json.loads(payload) == {"in": 5}


def test_modules_and_empty_bodies(hub: Hub) -> None:
    hub.device("pump-1")
    hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    answer = asyncio.run(_answered(hub, b"", subject="pump-1/camera"))
    assert answer.body == {"status": 200, "payload": None}
    holder: Any = hub.devices.seats.holder(f"{HOST}/pump-1/camera")
    assert holder._channel.sent[0][1] == b""


def test_nobody_there(hub: Hub) -> None:
    hub.device("pump-1")
    offline = asyncio.run(_invoke(hub))
    hub.connect("pump-1", hub.token("pump-1"))  # connected, but not subscribed to methods
    deaf = asyncio.run(_invoke(hub))
    for answer in (offline, deaf):
        assert (answer.status, answer.headers["iothub-errorcode"]) == (404, "DeviceNotOnline")
        assert answer.body["Message"] == "ErrorCode:DeviceNotOnline;Timed out waiting for device to connect."
    assert asyncio.run(_invoke(hub, "none")).headers["iothub-errorcode"] == "DeviceNotFound"
    assert asyncio.run(_invoke(hub, "pump-1/none")).headers["iothub-errorcode"] == "ModuleNotFound"


def test_the_connect_time_out_waits_for_a_device(hub: Hub) -> None:
    async def late() -> Answer:
        asked = asyncio.ensure_future(_invoke(hub, connectTimeoutInSeconds=30))
        await asyncio.sleep(0.01)
        return await _answered_after(asked)

    async def _answered_after(asked: asyncio.Future[Answer]) -> Answer:
        conversation, line = _subscribed(hub)
        await asyncio.sleep(0.01)
        request = line.sent[-1][0].partition("?$rid=")[2]
        conversation.publish(Publish(f"$iothub/methods/res/200/?$rid={request}", b"1", 0, 0))
        return await asked

    hub.device("pump-1")
    assert asyncio.run(late()).body == {"status": 200, "payload": 1}


def test_silence_and_nonsense(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.device("pump-1")
    waits: list[float] = []

    async def at_once(_awaited: Any, seconds: float) -> None:
        waits.append(seconds)
        raise TimeoutError

    assert (
        asyncio.run(_answered(hub, b"{nonsense")).headers["iothub-errorcode"]
        == "InvalidResponseWhileProxying"
    )
    monkeypatch.setattr(asyncio, "wait_for", at_once)
    silent = asyncio.run(_invoke(hub, responseTimeoutInSeconds=7))
    assert (silent.status, silent.headers["iothub-errorcode"], waits) == (504, "GatewayTimeout", [7])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"methodName": ""}, "methodName: must have at least 1"),
        ({"responseTimeoutInSeconds": 4}, "responseTimeoutInSeconds: must be at least 5"),
        ({"responseTimeoutInSeconds": 301}, "must be at most 300"),
        ({"connectTimeoutInSeconds": -1}, "connectTimeoutInSeconds: must be at least 0"),
        ({"bogus": 1}, "bogus: is no property"),
    ],
)
def test_bad_requests(hub: Hub, body: dict[str, Any], words: str) -> None:
    hub.device("pump-1")
    answer = asyncio.run(_invoke(hub, **body))
    assert (answer.status, words in answer.body["Message"]) == (400, True)


def test_a_payload_of_128_kilobytes_at_most(hub: Hub) -> None:
    hub.device("pump-1")
    answer = asyncio.run(_invoke(hub, payload="x" * 131072))
    assert (answer.status, answer.headers["iothub-errorcode"]) == (413, "MessageTooLarge")


@pytest.mark.parametrize("status", ["", "ok", "9" * 11, "1.5"])
def test_an_answer_without_a_whole_number(hub: Hub, status: str) -> None:
    hub.device("pump-1")
    conversation, _ = _subscribed(hub)
    with pytest.raises(MalformedPacket):
        conversation.publish(Publish(f"$iothub/methods/res/{status}/?$rid=1", b"", 0, 0))


def test_answers_to_nothing_are_let_be(hub: Hub) -> None:
    hub.device("pump-1")
    conversation, line = _subscribed(hub)
    conversation.publish(Publish("$iothub/methods/res/200/?$rid=77", b"", 0, 0))
    assert (line.closed, line.sent) == (None, [])
