"""The pure parts of an audit: which policies are too broad, when a schedule is due, weak keys."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from localcloud.aws.iot import audit_keys, audit_policies, audit_schedule

ARN = "arn:aws:iot:eu-west-1:111122223333:"
THING = "${iot:Connection.Thing.ThingName}"


def allow(action: str | list[str], *resources: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": [ARN + it for it in resources], **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


IS_ATTACHED = {"Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}}


@pytest.mark.parametrize(
    ("statement", "is_broad"),
    [
        (allow("iot:Connect", "client/*"), True),
        (allow("iot:Connect", "client/pump-*"), True),
        (allow("iot:Connect", "client/${iot:ClientId}"), True),
        (allow("iot:Connect", "client/${iot:ClientId}", **IS_ATTACHED), False),
        (allow("iot:Connect", f"client/{THING}"), False),
        (allow("iot:Connect", f"client/{THING}", **IS_ATTACHED), False),
        (allow("iot:Publish", "topic/$aws/things/*/shadow/update"), True),
        (allow("iot:Publish", "topic/$aws/things/*"), True),
        (allow("iot:Publish", f"topic/$aws/things/{THING}/shadow/*"), False),
        (allow("iot:Publish", "topic/dt/plant/*"), True),
        (allow("iot:Publish", f"topic/dt/plant/pumps/{THING}/telemetry"), False),
        (allow("iot:Subscribe", "topicfilter/$aws/things/+/shadow/update"), True),
        (allow("iot:Subscribe", f"topicfilter/$aws/things/{THING}/jobs/*"), False),
        (allow("iot:Receive", "topic/$aws/things/*"), False),
        (allow("iot:GetThingShadow", "thing/*"), True),
        (allow("iot:GetThingShadow", "thing/MyThing1"), False),
        (allow("iot:*", "*"), True),
        (allow("iot:*", f"topic/dt/{THING}"), False),
        ({"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}, True),
        ({"Effect": "Allow", "Action": "*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": "iot:Publish", "Resource": ARN + "topic/a"}, True),
        ({"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}, False),
    ],
)
def test_a_policy_is_broad_when_a_device_could_act_for_others(
    statement: dict[str, Any], is_broad: bool
) -> None:
    found = audit_policies.broad_reason(document(statement))
    assert found == ("ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS" if is_broad else None)


SUBSCRIBE = allow("iot:Subscribe", "topicfilter/building/*")
RECEIVE = allow("iot:Receive", "topic/building/*")


def deny(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": ARN + resource}


@pytest.mark.parametrize(
    ("denied", "reason"),
    [
        (
            [deny("iot:Subscribe", "topicfilter/building/room/#")],
            "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT",
        ),
        (
            [deny("iot:Subscribe", "topicfilter/building/room/*")],
            "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS",
        ),
        (
            [
                deny("iot:Subscribe", "topicfilter/building/room/*"),
                deny("iot:Receive", "topic/building/room/*"),
            ],
            None,
        ),
        ([], None),
    ],
)
def test_a_deny_that_does_not_deny_is_found(denied: list[dict[str, Any]], reason: str | None) -> None:
    assert audit_policies.misconfigured_reason(document(SUBSCRIBE, RECEIVE, *denied)) == reason


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("dynamodb:*", "ALLOWS_BROAD_ACCESS_TO_USED_SERVICES"),
        ("iam:GetRole", "ALLOWS_ACCESS_TO_SECURITY_AUDITING_SERVICES"),
        ("s3:PutObject", None),
    ],
)
def test_a_role_gives_devices_too_much(action: str, reason: str | None) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::bucket/x"}
    assert audit_policies.role_reason(document(statement)) == reason


@pytest.mark.parametrize(
    ("schedule", "last", "has_run", "due"),
    [
        ({"frequency": "DAILY"}, "2026-11-23T10:00", False, "2026-11-24"),
        ({"frequency": "WEEKLY", "dayOfWeek": "MON"}, "2026-11-23T10:00", False, "2026-11-30"),
        ({"frequency": "WEEKLY", "dayOfWeek": "TUE"}, "2026-11-23T10:00", False, "2026-11-24"),
        ({"frequency": "BIWEEKLY", "dayOfWeek": "TUE"}, "2026-11-23T10:00", False, "2026-11-24"),
        ({"frequency": "BIWEEKLY", "dayOfWeek": "TUE"}, "2026-11-24T00:00", True, "2026-12-08"),
        ({"frequency": "MONTHLY", "dayOfMonth": "31"}, "2026-11-23T10:00", False, "2026-11-30"),
        ({"frequency": "MONTHLY", "dayOfMonth": "LAST"}, "2027-02-01T10:00", False, "2027-02-28"),
        ({"frequency": "MONTHLY", "dayOfMonth": "5"}, "2026-11-23T10:00", False, "2026-12-05"),
    ],
)
def test_a_schedule_is_due(schedule: dict[str, str], last: str, has_run: bool, due: str) -> None:
    moment = datetime.fromisoformat(last).replace(tzinfo=UTC)
    assert audit_schedule.next_due(schedule, moment, has_run=has_run).date().isoformat() == due


@pytest.mark.parametrize(
    ("schedule", "is_sound"),
    [
        ({"frequency": "DAILY"}, True),
        ({"frequency": "DAILY", "dayOfWeek": "MON"}, False),
        ({"frequency": "WEEKLY"}, False),
        ({"frequency": "MONTHLY", "dayOfWeek": "MON"}, False),
        ({"frequency": "MONTHLY", "dayOfMonth": "1"}, True),
    ],
)
def test_a_schedule_says_its_day_and_no_other(schedule: dict[str, str], is_sound: bool) -> None:
    assert (audit_schedule.fault(schedule) is None) == is_sound


def test_a_key_of_the_faulty_library_is_known_by_its_modulus() -> None:
    product = 1
    for prime in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89):
        product *= prime
    for prime in (97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167):
        product *= prime
    modulus = pow(65537, 5, product) + product * (2**1827)
    modulus += 0 if modulus % 2 else product
    weak = rsa.RSAPublicNumbers(65537, modulus).public_key()
    assert audit_keys.weakness(weak) == "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361"


def test_other_keys_have_no_weakness_that_is_known() -> None:
    assert audit_keys.weakness(rsa.generate_private_key(65537, 2048).public_key()) is None
    assert audit_keys.weakness(ec.generate_private_key(ec.SECP256R1()).public_key()) is None
