"""Requests against botocore's models, answers into them."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.aws.api import Api, ApiError, Caller, Operation
from localcloud.aws.model import BadRequest, Model
from localcloud.calls import Answer, Call

IOT = Model.of("iot")


def call(method: str, path: str, body: object = None, raw_query: str = "", **headers: str) -> Call:
    raw = b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): it for name, it in headers.items()}
    return Call(method, "iot.eu-west-1.amazonaws.com", path, {}, named, raw, (), raw_query)


def refused(request: Call, model: Model = IOT) -> str:
    with pytest.raises(BadRequest) as bad:
        model.read(request)
    return str(bad.value)


def test_labels_query_headers_and_body() -> None:
    read = IOT.read(call("POST", "/things/a%3Ab", {"attributePayload": {"attributes": {"x": "y"}}}))
    assert (read.operation, read.params["thingName"]) == ("CreateThing", "a:b")
    assert read.params["attributePayload"] == {"attributes": {"x": "y"}}
    listed = IOT.read(call("GET", "/things", None, "maxResults=3&usePrefixAttributeValue=true"))
    assert listed.params == {"maxResults": 3, "usePrefixAttributeValue": True}
    attached = IOT.read(call("PUT", "/things/a/principals", None, "", x_amzn_principal="arn:x"))
    assert attached.params == {"thingName": "a", "principal": "arn:x"}


def test_the_longest_fixed_path_is_meant() -> None:
    put = call("PUT", "/thing-groups/addThingToThingGroup", {"thingName": "a", "thingGroupName": "b"})
    assert IOT.read(put).operation == "AddThingToThingGroup"


def test_a_payload_is_the_whole_body() -> None:
    rule = {"sql": "SELECT 1", "actions": []}
    assert IOT.read(call("POST", "/rules/r", rule)).params == {"ruleName": "r", "topicRulePayload": rule}
    publish = Call("POST", "x", "/topics/a%2Fb", {}, {}, b"\xff\x00", (), "qos=1")
    read = Model.of("iot-data").read(publish)
    assert read.params == {"topic": "a/b", "qos": 1, "payload": b"\xff\x00"}


def test_json_11() -> None:
    tunnels = Model.of("iotsecuretunneling")
    target = {"x_amz_target": "IoTSecuredTunneling.ListTunnels"}
    assert tunnels.read(call("POST", "/", {"maxResults": 5}, **target)).params == {"maxResults": 5}
    assert "no operation" in refused(call("POST", "/", {}, x_amz_target="X.Y"), tunnels)
    assert tunnels.write("ListTunnels", {}).headers["content-type"] == "application/x-amz-json-1.1"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (call("POST", "/nothing"), "no operation has the method POST"),
        (call("POST", "/things/a", {"wrong": 1}), "'wrong' is not a member"),
        (call("POST", "/things/a", {"thingName": "b"}), "does not belong in the body"),
        (call("POST", "/things/a", []), "must be a JSON object"),
        (call("GET", "/things", None, "what=1"), "takes no query parameter what"),
        (call("GET", "/things", None, "maxResults=x"), "whole number of 32 bits"),
        (call("GET", "/things", None, "maxResults=0"), "greater than or equal to 1"),
        (call("GET", "/things", None, "usePrefixAttributeValue=1"), "true or false"),
        (call("POST", "/things/a", {"attributePayload": "x"}), "Member must be an object"),
        (call("POST", "/things/a", {"attributePayload": {"attributes": []}}), "Member must be a map"),
        (call("POST", "/things/a", {"attributePayload": {"merge": "yes"}}), "true or false"),
        (call("POST", "/thing-types/t", {"tags": [{"Value": "x"}]}), "'tags.1.member.Key' failed"),
        (call("PUT", "/certificates/" + "0" * 64, None, "newStatus=ON"), "enum value set: [ACTIVE, "),
        (
            call("POST", "/dynamic-thing-groups/g", {}),
            "'queryString' failed to satisfy constraint: Member must not",
        ),
        (call("PUT", "/packages/p/versions/v", {"attributes": {"a": "\x07"}}), "regular expression pattern"),
    ],
)
def test_refused(request_: Call, words: str) -> None:
    assert words in refused(request_)


def test_all_faults_are_told_at_once() -> None:
    body = {"thingTypeName": "x y", "attributePayload": {"attributes": {"b ": "c" * 801}}, "z": 1}
    assert refused(call("POST", "/things/a", body)).startswith("4 validation errors detected: ")


def test_secrets_are_not_repeated() -> None:
    secret = "not a key at all"
    body = {"authorizerFunctionArn": "arn:x", "tokenSigningPublicKeys": {"k" * 200: secret}}
    assert "k" * 200 in refused(call("POST", "/authorizer/a", body))
    assert secret not in refused(call("POST", "/authorizer/a", body))


def test_answers() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    told = IOT.write("DescribeThingType", {"thingTypeName": "t", "thingTypeMetadata": {"creationDate": at}})
    assert told.body == {"thingTypeName": "t", "thingTypeMetadata": {"creationDate": at.timestamp()}}
    shadow = Model.of("iot-data").write("GetThingShadow", {"payload": b"{}"})
    assert shadow.body == b"{}"
    for wrong in ({"other": 1}, {"thingTypeMetadata": {"x": 1}}):
        with pytest.raises(ValueError, match="has no member"):
            IOT.write("DescribeThingType", wrong)


def test_errors_have_the_models_status() -> None:
    assert IOT.status_of("ResourceNotFoundException") == 404
    assert IOT.status_of("VersionConflictException") == 409
    told = IOT.write_error("ResourceNotFoundException", "x", 404, {})
    assert told.headers == {"x-amzn-errortype": "ResourceNotFoundException"}


class _Anyone:
    def identify(self, call: Call, signing_name: str) -> Caller:
        return Caller("1", "eu-west-1", f"arn:{signing_name}:{call.method}")

    async def authorize(self, caller: Caller, service: str, operation: str, params: dict[str, Any]) -> None:
        """Everybody may."""


def _api(**operations: Operation) -> Api:
    return Api("iot", operations, _Anyone(), "eu-west-1")


def _answer(api: Api, request: Call) -> Answer:
    return asyncio.run(api.answer(request))


def test_an_operation_may_wait_or_not() -> None:
    async def later(_caller: Caller, _params: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"things": []}

    assert _answer(_api(ListThings=later), call("GET", "/things")).body == {"things": []}
    missing = _answer(_api(), call("GET", "/things"))
    assert (missing.status, missing.headers["x-amzn-errortype"]) == (501, "NotImplementedException")
    with pytest.raises(ValueError, match="has no operation Make"):
        _api(Make=later)


def test_an_operations_refusal() -> None:
    def refuse(_caller: Caller, _params: dict[str, Any]) -> dict[str, Any]:
        raise ApiError("ResourceAlreadyExistsException", "there", resourceId="x")

    told = _answer(_api(ListThings=refuse), call("GET", "/things"))
    assert (told.status, told.body) == (409, {"message": "there", "resourceId": "x"})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(max_size=8), it, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150)
@given(
    st.sampled_from(IOT.operations),
    st.dictionaries(
        st.sampled_from(["thingName", "tags", "policyDocument", "behaviors", "x"]), _JSON, max_size=4
    ),
)
def test_whatever_is_sent_is_read_or_refused(operation: str, body: dict[str, Any]) -> None:
    with contextlib.suppress(BadRequest):
        assert IOT.check(operation, body).operation == operation
