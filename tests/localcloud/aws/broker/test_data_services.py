"""The data services over HTTPS for devices, credentials, events of things, and what the index is told."""

import asyncio
import json
from typing import Any

import pytest

from localcloud.calls import Answer, Call

from .conftest import ALL, Cloud, Holder, make


def _call(cloud: Cloud, kind: str, method: str, path: str, holder: Holder | None, **more: Any) -> Answer:
    host = cloud.place.endpoint(kind)
    peer = (holder.certificate,) if holder else ()
    headers = more.pop("headers", {})
    call = Call(method, host, path, more.pop("query", {}), headers, more.pop("raw", b""), peer)

    async def work() -> Answer:
        given = cloud.plane.services()[host].answer(call)
        return given if isinstance(given, Answer) else await given

    return asyncio.run(work())


def _code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers["x-amzn-errortype"]


def test_a_device_publishes_and_keeps_its_shadow(cloud: Cloud) -> None:
    holder, other = make("pump-1"), make("other")
    statements = (("iot:Publish", "topic/dt/pump-1"), ("iot:*ThingShadow", "thing/pump-1"))
    certificate = cloud.certificate(holder, *statements)
    cloud.thing("pump-1", certificate)
    cloud.certificate(other, *ALL)
    listener = cloud.connect(other, "other")
    listener.subscribe("dt/#")
    assert _call(cloud, "-ats", "POST", "/topics/dt%2Fpump-1", holder, raw=b"x").status == 200
    assert listener.messages == [("dt/pump-1", b"x")]
    refused = _call(cloud, "-ats", "POST", "/topics/dt%2Fpump-2", holder, raw=b"x")
    assert _code(refused) == (403, "ForbiddenException")
    path, state = "/things/pump-1/shadow", json.dumps({"state": {"reported": {"a": 1}}}).encode()
    assert json.loads(_call(cloud, "-ats", "POST", path, holder, raw=state).body)["version"] == 1
    assert json.loads(_call(cloud, "-ats", "GET", path, holder).body)["state"] == {"reported": {"a": 1}}
    assert _code(_call(cloud, "-ats", "GET", "/things/pump-2/shadow", holder))[0] == 403
    assert _call(cloud, "-ats", "DELETE", path, holder).status == 200
    assert _code(_call(cloud, "-ats", "GET", path, holder)) == (404, "ResourceNotFoundException")


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED", "PENDING_ACTIVATION"])
def test_certificates_that_are_not_active_over_https(cloud: Cloud, status: str) -> None:
    holder = make("pump-1")
    cloud.certificate(holder, ("iot:*", "*"), status=status)
    refused = _call(cloud, "-ats", "POST", "/topics/t", holder)
    assert _code(refused) == (403, "ForbiddenException")
    assert _code(_call(cloud, "-ats", "POST", "/topics/t", make("unknown")))[0] == 403
    assert _code(_call(cloud, "-ats", "POST", "/topics/t", None))[0] == 403
    assert _call(cloud, ".credentials", "GET", "/role-aliases/a/credentials", holder).status == 403


@pytest.mark.parametrize(
    ("path", "query", "raw"),
    [
        ("/topics/a%2F%23", {}, b""),
        ("/topics/" + "a%2F" * 8, {}, b""),
        ("/topics/t", {}, b"x" * (128 * 1024 + 1)),
        ("/topics/t", {"retain": "true"}, b""),
        ("/topics/t", {"contentType": "text/plain"}, b""),
        ("/topics/%24aws%2Fnothing", {}, b""),
    ],
)
def test_publishing_that_is_refused(cloud: Cloud, path: str, query: dict[str, str], raw: bytes) -> None:
    holder = make("pump-1")
    cloud.certificate(holder, ("iot:*", "topic/*"))
    refused = _call(cloud, "-ats", "POST", path, holder, query=query, raw=raw)
    assert _code(refused) == (400, "InvalidRequestException")


_JOBS = "/things/pump-1/jobs"


@pytest.mark.parametrize(
    ("kind", "method", "path", "query", "body", "words"),
    [
        ("-ats", "POST", "/topics/t", {"qos": "2"}, None, "less than or equal to 1"),
        ("-ats", "POST", "/topics/t", {"qos": "one"}, None, "whole number"),
        ("-ats", "POST", "/topics/t", {"other": "1"}, None, "takes no query parameter other"),
        ("-ats", "GET", "/things/a%20b/shadow", {}, None, "regular expression pattern"),
        ("-ats", "GET", "/things/" + "a" * 129 + "/shadow", {}, None, "length less than or equal to 128"),
        ("-ats", "GET", "/things/pump-1/shadow", {"name": "a b"}, None, "regular expression pattern"),
        ("-ats", "POST", "/things/pump-1/shadow", {}, None, "must not be null"),
        ("-ats", "GET", "/api/things/shadow/ListNamedShadowsForThing/a", {"pageSize": "0"}, None, "to 1"),
        (".jobs", "GET", "/things/a%20b/jobs", {}, None, "regular expression pattern"),
        (".jobs", "GET", f"{_JOBS}/a%20b", {}, None, "regular expression pattern"),
        (".jobs", "GET", f"{_JOBS}/j", {"includeJobDocument": "yes"}, None, "true or false"),
        (".jobs", "GET", f"{_JOBS}/j", {"executionNumber": "x"}, None, "whole number"),
        (".jobs", "POST", f"{_JOBS}/j", {}, {}, "must not be null"),
        (".jobs", "POST", f"{_JOBS}/j", {}, {"status": "DONE"}, "enum value set"),
        (".jobs", "POST", f"{_JOBS}/j", {}, {"status": "FAILED", "more": 1}, "not a member"),
        (".jobs", "PUT", f"{_JOBS}/$next", {}, {"statusDetails": {"a b": "c"}}, "regular expression"),
        (".jobs", "PUT", f"{_JOBS}/$next", {}, {"statusDetails": {"a": ""}}, "greater than or equal to 1"),
    ],
)
def test_requests_that_break_the_services_models(
    cloud: Cloud, kind: str, method: str, path: str, query: dict[str, str], body: object, words: str
) -> None:
    holder = make("pump-1")
    cloud.thing("pump-1", cloud.certificate(holder, ("iot:*", "*"), ("iotjobsdata:*", "*")))
    raw = b"" if body is None else json.dumps(body).encode()
    refused = _call(cloud, kind, method, path, holder, query=query, raw=raw)
    assert _code(refused) == (400, "InvalidRequestException")
    assert words in refused.body["message"]


@pytest.mark.parametrize("alias", ["a b", "a%2Fb", "*", "a" * 129, "none"])
def test_credentials_of_no_alias(cloud: Cloud, alias: str) -> None:
    holder = make("pump-1")
    cloud.thing("pump-1", cloud.certificate(holder, ("iot:*", "*")))
    answer = _call(cloud, ".credentials", "GET", f"/role-aliases/{alias}/credentials", holder)
    assert (answer.status, answer.body) == (403, {"message": "Access Denied"})
    without = _call(cloud, ".credentials", "GET", f"/role-aliases/{alias}/credentials", None)
    assert (without.status, without.body) == (403, {"message": "Access Denied"})


def test_credentials(cloud: Cloud) -> None:
    holder = make("pump-1")
    name = "${iot:Connection.Thing.ThingName}"
    certificate = cloud.certificate(holder, ("iot:AssumeRoleWithCertificate", f"rolealias/alias-{name}"))
    cloud.thing("pump-1", certificate)
    aliases = {
        "alias-pump-1": cloud.iam.role("devices", trusts="credentials.iot.amazonaws.com"),
        "alias-pump-2": cloud.iam.role("others", trusts="credentials.iot.amazonaws.com"),
    }
    create = cloud.world.operations()["CreateRoleAlias"]
    for alias, role in aliases.items():
        create(None, {"roleAlias": alias, "roleArn": role})  # type: ignore[arg-type]
    path, thing = "/role-aliases/alias-pump-1/credentials", {"x-amzn-iot-thingname": "pump-1"}
    answer = _call(cloud, ".credentials", "GET", path, holder, headers=thing)
    assert answer.status == 200
    assert cloud.sessions.variables == [
        {"credentials-iot:AwsCertificateId": certificate.id, "credentials-iot:ThingName": "pump-1"}
    ]
    assert answer.body["credentials"] == {
        "accessKeyId": "ASIA",
        "secretAccessKey": certificate.id,
        "sessionToken": aliases["alias-pump-1"],
        "expiration": "2026-01-01T13:00:00Z",
    }
    for other, headers in (
        (path, {}),
        (path, {"x-amzn-iot-thingname": "pump-2"}),
        (path.replace("pump-1", "pump-2"), thing),
        (path.replace("pump-1", "pump-3"), thing),
    ):
        assert _call(cloud, ".credentials", "GET", other, holder, headers=headers).status == 403
    assert _call(cloud, ".credentials", "GET", "/role-aliases", holder).status == 404
    cloud.iam.role("devices", trusts="iot.amazonaws.com")
    assert _call(cloud, ".credentials", "GET", path, holder, headers=thing).status == 403


def test_events_of_things_when_they_are_switched_on(cloud: Cloud) -> None:
    holder = make("watcher")
    cloud.certificate(holder, *ALL)
    watcher = cloud.connect(holder, "watcher")
    watcher.subscribe("$aws/events/thing/#")
    cloud.world.things.create("pump-1")
    assert not watcher.messages
    switch = cloud.world.operations()["UpdateEventConfigurations"]
    switch(None, {"eventConfigurations": {"THING": {"Enabled": True}}})  # type: ignore[arg-type]
    cloud.world.things.create("pump-2", None, {"line": "a"})
    cloud.world.things.update("pump-2", {"attributes": {"line": "b"}})
    cloud.world.things.delete("pump-2")
    heard = watcher.heard()
    assert [topic.rpartition("/")[2] for topic in heard] == ["created", "updated", "deleted"]
    assert heard["$aws/events/thing/pump-2/updated"]["attributes"] == {"line": "b"}


def test_shadows_go_with_their_thing(cloud: Cloud) -> None:
    cloud.world.things.create("pump-1")
    cloud.world.shadows.update("pump-1", None, {"desired": {"a": 1}})
    cloud.world.things.delete("pump-1")
    cloud.world.things.create("pump-1")
    assert cloud.world.shadows.find("pump-1") is None


def test_what_the_index_is_told_of_connections(cloud: Cloud) -> None:
    holder = make("pump-1")
    cloud.certificate(holder, *ALL)
    told = cloud.broker.presence.connectivity_of
    assert told("pump-1") is None
    device = cloud.connect(holder, "pump-1")
    known = told("pump-1")
    assert known is not None
    assert known["connected"] is True
    device.leave()
    known = told("pump-1")
    assert known is not None
    assert (known["connected"], known["disconnectReason"]) == (False, "CLIENT_INITIATED_DISCONNECT")
