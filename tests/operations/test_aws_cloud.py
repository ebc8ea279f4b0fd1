"""The calls of the reconciler on AWS: portions, what DynamoDB leaves undone, whose account it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from cryptography.hazmat.primitives.serialization import Encoding

from operations.aws import AwsCloud
from operations.errors import RefusedError
from provider.clients.aws import Aws
from provider.clients.errors import ForbiddenError, WrongAccountError
from provider.clients.retry import Clock
from tests.operations.conftest import Authority, thumbprint

ACCOUNT, TABLE = "111122223333", "coldchain-prod-reefers-revoked"


class Waits(Clock):
    """A clock that does not wait, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class Services:
    """Stubbed clients: each call is expected with its parameters, which botocore checks against its model."""

    def __init__(self) -> None:
        once = Config(retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "own"}
        self.clients = {
            name: boto3.client(name, region_name="eu-west-1", config=once, **keys)
            for name in ("sts", "iot", "dynamodb")
        }
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()
        self.clock = Waits()

    def expect(self, service: str, operation: str, answer: dict[str, Any], asked: dict[str, Any]) -> None:
        self.stubs[service].add_response(operation, answer, asked)

    def cloud(self, account: str | None = ACCOUNT) -> AwsCloud:
        self.stubs["sts"].add_response("get_caller_identity", {"Account": ACCOUNT})
        aws = Aws({}, "eu-west-1", make=lambda service, **_: self.clients[service])
        return AwsCloud(aws, "eu-west-1", account, self.clock)


@pytest.fixture
def services() -> Services:
    return Services()


def _keys(serials: Iterable[str]) -> dict[str, Any]:
    return {TABLE: {"Keys": [{"serial": {"S": each}} for each in serials], "ConsistentRead": True}}


def _puts(serials: Iterable[str]) -> dict[str, Any]:
    return {TABLE: [{"PutRequest": {"Item": {"serial": {"S": each}}}} for each in serials]}


def _found(*serials: str) -> dict[str, Any]:
    return {TABLE: [{"serial": {"S": each}} for each in serials]}


def test_a_hundred_keys_a_call_and_the_rest_again(services: Services) -> None:
    serials = [f"{number:x}" for number in range(101)]
    first = {"Responses": _found("0"), "UnprocessedKeys": _keys(["1", "2"])}
    services.expect("dynamodb", "batch_get_item", first, {"RequestItems": _keys(serials[:100])})
    second = {"Responses": _found("2")}
    services.expect("dynamodb", "batch_get_item", second, {"RequestItems": _keys(["1", "2"])})
    services.expect("dynamodb", "batch_get_item", {"Responses": {}}, {"RequestItems": _keys(serials[100:])})
    cloud = services.cloud()
    assert cloud.missing(TABLE, [*serials, "5"]) == ("1", *serials[3:]), "each once, in their order"
    assert len(services.clock.waits) == 1
    assert cloud.missing(TABLE, []) == ()
    services.stubs["dynamodb"].assert_no_pending_responses()


def test_twenty_five_items_a_call_and_the_rest_again(services: Services) -> None:
    serials = [f"{number:x}" for number in range(26)]
    left = {"UnprocessedItems": _puts(["7"])}
    services.expect("dynamodb", "batch_write_item", left, {"RequestItems": _puts(serials[:25])})
    services.expect("dynamodb", "batch_write_item", {}, {"RequestItems": _puts(["7"])})
    services.expect("dynamodb", "batch_write_item", {}, {"RequestItems": _puts(serials[25:])})
    services.cloud().put(TABLE, [{"serial": each} for each in serials])
    services.stubs["dynamodb"].assert_no_pending_responses()


def test_what_stays_undone_is_told_after_growing_pauses(services: Services) -> None:
    for _ in range(6):
        left = {"UnprocessedItems": _puts(["7"])}
        services.expect("dynamodb", "batch_write_item", left, {"RequestItems": _puts(["7"])})
    with pytest.raises(RefusedError, match="run the command again"):
        services.cloud().put(TABLE, [{"serial": "7"}])
    assert len(services.clock.waits) == 5
    assert services.clock.waits[-1] > services.clock.waits[0]


def test_another_certificate_by_that_id_is_left_alone(services: Services, oslo: Authority) -> None:
    leaf, other = oslo.leaf("reefer-1"), oslo.leaf("reefer-2")
    identity = thumbprint(leaf).lower()
    for held in (leaf, other):
        pem = held.public_bytes(Encoding.PEM).decode()
        described = {"certificateDescription": {"certificatePem": pem, "status": "ACTIVE"}}
        services.expect("iot", "describe_certificate", described, {"certificateId": identity})
    cloud = services.cloud()
    assert cloud.status(identity) == "ACTIVE"
    with pytest.raises(RefusedError, match="another certificate"):
        cloud.status(identity)


def test_one_that_is_not_there_and_one_that_may_not_be_seen(services: Services) -> None:
    cloud, iot = services.cloud(), services.stubs["iot"]
    iot.add_client_error("describe_certificate", "ResourceNotFoundException", http_status_code=404)
    assert cloud.status("1d" * 32) is None
    iot.add_client_error("describe_certificate", "AccessDeniedException", http_status_code=403)
    with pytest.raises(ForbiddenError, match="describe_certificate"):
        cloud.status("1d" * 32)


def test_things_are_counted_as_far_as_it_matters(services: Services) -> None:
    page = {"things": [{"thingName": f"reefer-{number}"} for number in range(250)], "nextToken": "more"}
    asked = {"thingTypeName": "coldchain-reefers", "maxResults": 250}
    services.expect("iot", "list_things", page, asked)
    assert services.cloud().things(["coldchain-reefers", "coldchain-vans"], 200) == 250


def test_another_account_is_refused_and_none_named_is_told(services: Services) -> None:
    with pytest.raises(WrongAccountError):
        services.cloud("999988887777")
    assert services.cloud(None).service == f"aws {ACCOUNT} eu-west-1"
