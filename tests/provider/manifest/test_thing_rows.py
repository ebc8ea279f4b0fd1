"""What a row must be for AWS IoT, and how fast its calls go."""

from __future__ import annotations

from typing import Any

import pytest

from provider.clients.errors import ConfigurationError, NotFoundError, ServiceError
from provider.manifest import paced, things
from provider.manifest.paced import PacedClient, Paces


def _document(name: str = "meter-1", **parts: Any) -> dict[str, Any]:
    return {
        "registrationId": name,
        "attestation": {"type": "x509"},
        "capabilities": {"iotEdge": False},
        "initialTwin": {
            "tags": parts.pop("tags", {}),
            "properties": {"desired": parts.pop("desired", {})},
        },
        **parts,
    }


@pytest.mark.parametrize(
    "document",
    [
        _document("a:b_c-9"),
        _document(deviceId="meter-1"),
        _document(tags={"line": "reefer", "floor": 3, "on": True, "a.b,c@d/e:f#g-h": "[x]=y"}),
        _document(tags={f"tag{number}": "x" * 800 for number in range(47)}),
        _document(desired={"a": {"b": {"c": [1, {"d": 2}]}}}),
    ],
)
def test_rows_that_aws_can_hold(document: dict[str, Any]) -> None:
    assert things.fault(document) is None


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (_document("Meter-1"), "tell case apart"),
        (_document("meter.1"), "is no thing's name"),
        (_document(attestation={"type": "tpm"}), "attestation tpm is Azure's"),
        (_document(attestation={"type": "symmetricKey"}), "x509 would be right"),
        (_document(capabilities={"iotEdge": True}), "iot_edge is Azure's"),
        (_document(deviceId="another"), "device_id is Azure's"),
        (_document(tags={"place": {"floor": 1}}), "tags.place can be no attribute of a thing; one text"),
        (_document(tags={"place": "hall 1"}), "without spaces"),
        (_document(tags={"place": ""}), "1 to 800 letters"),
        (_document(tags={"a place": "x"}), "tags.a place is no attribute's name"),
        (_document(tags={"musterRow": "x"}), "tags.musterRow is Muster's own mark"),
        (_document(tags={f"tag{number}": "x" for number in range(48)}), "48 tags; a thing has room for 47"),
        (_document(desired={"text": "x" * 8192}), "AWS takes 8,192"),
        (_document(desired={"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}), "6 levels"),
    ],
)
def test_rows_that_aws_cannot_hold(document: dict[str, Any], told: str) -> None:
    assert told in str(things.fault(document))


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    wrong = _document("meter.1", capabilities={"iotEdge": True}, tags={"a": []})
    assert str(things.fault(wrong)).count("; ") >= 3


class Iot:
    """Counts calls by operation; `fails` are raised one after the other."""

    def __init__(self, *fails: ServiceError) -> None:
        self.fails = list(fails)
        self.calls: list[str] = []

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.calls.append(operation)
        if self.fails:
            raise self.fails.pop(0)
        return given


def test_each_operation_waits_for_its_own_quota(clock: Any) -> None:
    client: Any = Iot()
    iot = PacedClient(client, Paces(clock))
    began = clock.now()
    for _ in range(100):
        iot.call("create_thing", thingName="a")
    assert 0.9 < clock.now() - began < 1.1
    for _ in range(100):
        iot.call("attach_policy", target="a")
    assert 10.5 < clock.now() - began < 11.5
    doubled = PacedClient(client, Paces(clock, 2.0))
    began = clock.now()
    for _ in range(100):
        doubled.call("list_things")
    assert 4.5 < clock.now() - began < 5.5


def test_a_throttled_call_is_made_again_and_others_are_not(clock: Any) -> None:
    throttled = ServiceError("slow down", 400, "ThrottlingException", "t")
    client: Any = Iot(throttled, throttled)
    iot = PacedClient(client, Paces(clock))
    assert iot.call("attach_policy", target="a") == {"target": "a"}
    assert len(client.calls) == 3
    client.fails = [ServiceError("no", 400, "InvalidRequestException", "t")]
    with pytest.raises(ServiceError, match="no"):
        iot.call("attach_policy")
    client.fails = [NotFoundError("gone", 404, "ResourceNotFoundException", "t")]
    assert iot.find("describe_thing") is None


def test_the_environment_says_by_how_much_the_quotas_were_raised() -> None:
    assert paced.factor({}) == 1.0
    assert paced.factor({"MUSTER_IOT_PACE": "2.5"}) == 2.5
    assert paced.rows_per_minute(3, {}) == 200
    assert paced.rows_per_minute(3, {"MUSTER_IOT_PACE": "0"}) == 0
    for wrong in ("fast", "-1", "1e3", "1.2.3"):
        with pytest.raises(ConfigurationError, match="by how much"):
            paced.factor({"MUSTER_IOT_PACE": wrong})
