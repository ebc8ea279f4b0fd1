"""Tunnels through boto3: tokens are told once and kept as hashes."""

import json
from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from localcloud.clock import Clock
from tests.localcloud.aws.control.conftest import Clients
from tests.localcloud.aws.control.refusals import code_of

Client = Any
SERVICES = {"services": ["SSH"]}


@pytest.fixture
def tunneling(clients: Clients) -> Client:
    return clients("iotsecuretunneling")


def test_a_tunnel_s_tokens_are_hashes_in_the_store(iot: Client, tunneling: Client, aws: Aws) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    aws.world.tunnels.notify = lambda topic, message: told.append((topic, message))
    iot.create_thing(thingName="pump")
    made = tunneling.open_tunnel(
        description="to mend",
        destinationConfig={"thingName": "pump", **SERVICES},
        tags=[{"key": "a", "value": "b"}],
    )
    source, destination = made["sourceAccessToken"], made["destinationAccessToken"]
    assert aws.world.tunnels.side_of(source) == (made["tunnelId"], "source")
    assert aws.world.tunnels.side_of(destination) == (made["tunnelId"], "destination")
    kept = json.dumps(aws.place.store.list("aws-tunnel"))
    assert source not in kept
    assert destination not in kept
    ((topic, message),) = told
    assert topic == "$aws/things/pump/tunnels/notify"
    assert message == {
        "clientAccessToken": destination,
        "clientMode": "destination",
        "region": "eu-west-1",
        "services": ["SSH"],
    }
    shown = tunneling.describe_tunnel(tunnelId=made["tunnelId"])["tunnel"]
    assert (shown["status"], shown["tags"]) == ("OPEN", [{"key": "a", "value": "b"}])
    assert shown["timeoutConfig"] == {"maxLifetimeTimeoutMinutes": 720}
    listed = tunneling.list_tunnels(thingName="pump")["tunnelSummaries"]
    assert [it["tunnelId"] for it in listed] == [made["tunnelId"]]


def test_rotation_makes_the_old_token_worthless(tunneling: Client, aws: Aws) -> None:
    made = tunneling.open_tunnel()
    renewed = tunneling.rotate_tunnel_access_token(tunnelId=made["tunnelId"], clientMode="SOURCE")
    assert "destinationAccessToken" not in renewed
    assert aws.world.tunnels.side_of(made["sourceAccessToken"]) is None
    assert aws.world.tunnels.side_of(renewed["sourceAccessToken"]) == (made["tunnelId"], "source")
    assert aws.world.tunnels.side_of(made["destinationAccessToken"]) == (made["tunnelId"], "destination")


def test_a_tunnel_closes_by_call_and_by_time(tunneling: Client, aws: Aws, clock: Clock) -> None:
    closed, aged = (tunneling.open_tunnel(timeoutConfig={"maxLifetimeTimeoutMinutes": 5}) for _ in range(2))
    tunneling.close_tunnel(tunnelId=closed["tunnelId"])
    clock.advance(301)
    for made in (closed, aged):
        shown = tunneling.describe_tunnel(tunnelId=made["tunnelId"])["tunnel"]
        assert shown["status"] == "CLOSED"
        assert aws.world.tunnels.side_of(made["sourceAccessToken"]) is None
    assert (
        code_of(tunneling.rotate_tunnel_access_token, tunnelId=aged["tunnelId"], clientMode="ALL")
        == "ResourceNotFoundException"
    )
    tunneling.close_tunnel(tunnelId=aged["tunnelId"], delete=True)
    assert code_of(tunneling.describe_tunnel, tunnelId=aged["tunnelId"]) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "params",
    [
        {"timeoutConfig": {"maxLifetimeTimeoutMinutes": 721}},
        {"destinationConfig": {"services": []}},
        {"destinationConfig": {"thingName": "a b", **SERVICES}},
        {"destinationConfig": {"thingName": "none", **SERVICES}},
    ],
)
def test_a_tunnel_with_a_fault_is_refused(tunneling: Client, params: dict[str, Any]) -> None:
    assert code_of(tunneling.open_tunnel, **params) in (
        "InvalidRequestException",
        "ResourceNotFoundException",
    )
    assert tunneling.list_tunnels()["tunnelSummaries"] == []
