"""Detect: behaviours are checked metric by metric; profiles, metrics and dimensions are kept."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.iot import behaviors
from localcloud.clock import Clock
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of

Client = Any
EVERYTHING = "arn:aws:iot:eu-west-1:111122223333:all/registered-things"
COUNT: dict[str, Any] = {
    "comparisonOperator": "less-than-equals",
    "value": {"count": 5},
    "durationSeconds": 300,
    "consecutiveDatapointsToAlarm": 1,
}


def behavior(metric: str = "aws:num-messages-sent", **changes: Any) -> dict[str, Any]:
    criteria = {key: it for key, it in {**COUNT, **changes}.items() if it is not None}
    return {"name": "one", "metric": metric, "criteria": criteria}


SOUND = [
    behavior(),
    behavior("aws:message-byte-size", durationSeconds=None),
    behavior(value=None, statisticalThreshold={"statistic": "p90"}),
    behavior(
        value=None,
        comparisonOperator=None,
        durationSeconds=None,
        mlDetectionConfig={"confidenceLevel": "HIGH"},
    ),
    behavior(
        "aws:source-ip-address",
        comparisonOperator="in-cidr-set",
        value={"cidrs": ["12.8.0.0/16"]},
        durationSeconds=None,
    ),
    behavior(
        "aws:listening-tcp-ports",
        comparisonOperator="in-port-set",
        value={"ports": [443]},
        durationSeconds=None,
    ),
    behavior("aws:disconnect-duration", durationSeconds=None),
    {"name": "kept", "metric": "aws:num-disconnects"},
]


@pytest.mark.parametrize("given_behavior", SOUND)
def test_a_sound_behaviour_is_taken(iot: Client, given_behavior: dict[str, Any]) -> None:
    iot.create_security_profile(securityProfileName="p", behaviors=[given_behavior])
    shown = iot.describe_security_profile(securityProfileName="p")
    assert shown["behaviors"] == [given_behavior]


@pytest.mark.parametrize(
    ("given_behavior", "words"),
    [
        (behavior("aws:num-messages"), "there is no metric"),
        (behavior("temperature"), "there is no metric"),
        ({"name": "one"}, "metric is required"),
        (behavior(durationSeconds=301), "durationSeconds must be one of 300, 600"),
        (behavior(durationSeconds=None), "durationSeconds must be one of 300, 600"),
        (behavior(comparisonOperator="in-set"), "comparisonOperator must be one of less-than"),
        (behavior(comparisonOperator="less-than-equal"), "enum value set"),
        (behavior(consecutiveDatapointsToAlarm=11), "less than or equal to 10"),
        (behavior(value={"count": -1}), "greater than or equal to 0"),
        (behavior(value={"ports": [1]}), "value needs count"),
        (behavior(value={"count": 1, "number": 1.0}), "value needs count, and nothing else"),
        (behavior(statisticalThreshold={"statistic": "p90"}), "criteria need one of"),
        (behavior(value=None, statisticalThreshold={"statistic": "p42"}), "regular expression"),
        (behavior("aws:message-byte-size"), "durationSeconds does not go with a value"),
        (behavior("aws:disconnect-duration", durationSeconds=300), "does not go with a value"),
        (
            behavior(
                "aws:source-ip-address",
                comparisonOperator="in-cidr-set",
                value={"cidrs": ["12.8.0.0/99"]},
                durationSeconds=None,
            ),
            "is no CIDR",
        ),
        ({**behavior(), "metricDimension": {"dimensionName": "none"}}, "there is no dimension"),
        ({**behavior(), "name": "a b"}, "regular expression"),
    ],
)
def test_a_behaviour_with_a_fault_is_refused(iot: Client, given_behavior: dict[str, Any], words: str) -> None:
    assert words in words_of(iot.create_security_profile, securityProfileName="p", behaviors=[given_behavior])
    assert iot.list_security_profiles()["securityProfileIdentifiers"] == []


def test_behaviours_can_be_validated_without_a_profile(iot: Client) -> None:
    found = iot.validate_security_profile_behaviors(behaviors=[behavior(), behavior(durationSeconds=1)])
    assert not found["valid"]
    assert len(found["validationErrors"]) == 2
    assert iot.validate_security_profile_behaviors(behaviors=[behavior()])["valid"]


def test_custom_metrics_and_dimensions_are_used_while_a_profile_names_them(iot: Client) -> None:
    iot.create_custom_metric(metricName="heat", metricType="number", clientRequestToken="t")
    iot.create_custom_metric(metricName="heat", metricType="number", clientRequestToken="t")
    assert (
        code_of(iot.create_custom_metric, metricName="heat", metricType="number", clientRequestToken="u")
        == "ResourceAlreadyExistsException"
    )
    iot.create_dimension(name="admin", type="TOPIC_FILTER", stringValues=["admin/#"], clientRequestToken="t")
    named = {"name": "hot", "metric": "heat", "metricDimension": {"dimensionName": "admin", "operator": "IN"}}
    criteria = {"comparisonOperator": "less-than", "value": {"number": 80.5}}
    iot.create_security_profile(securityProfileName="p", behaviors=[{**named, "criteria": criteria}])
    assert "used by the security profiles p" in words_of(iot.delete_custom_metric, metricName="heat")
    assert "used by the security profiles p" in words_of(iot.delete_dimension, name="admin")
    listed = iot.list_security_profiles(dimensionName="admin")["securityProfileIdentifiers"]
    assert [it["name"] for it in listed] == ["p"]
    iot.delete_security_profile(securityProfileName="p")
    iot.delete_custom_metric(metricName="heat")
    iot.delete_dimension(name="admin")
    assert iot.list_custom_metrics()["metricNames"] == []
    assert (
        code_of(iot.create_custom_metric, metricName="aws:x", metricType="number", clientRequestToken="t")
        == "InvalidRequestException"
    )


def test_a_profile_is_attached_versioned_and_let_go(iot: Client, clock: Clock) -> None:
    iot.create_security_profile(securityProfileName="p", behaviors=[behavior()])
    iot.attach_security_profile(securityProfileName="p", securityProfileTargetArn=EVERYTHING)
    wrong = EVERYTHING.replace("registered-things", "everything")
    assert "no thing group's ARN" in words_of(
        iot.attach_security_profile, securityProfileName="p", securityProfileTargetArn=wrong
    )
    found = iot.list_security_profiles_for_target(securityProfileTargetArn=EVERYTHING)
    assert len(found["securityProfileTargetMappings"]) == 1
    assert code_of(iot.update_security_profile, securityProfileName="p", expectedVersion=7) == (
        "VersionConflictException"
    )
    sns = {"alertTargetArn": "arn:aws:sns:eu-west-1:111122223333:x", "roleArn": ROLE}
    changed = iot.update_security_profile(
        securityProfileName="p", alertTargets={"SNS": sns}, deleteBehaviors=True, expectedVersion=1
    )
    assert (changed["version"], "behaviors" in changed, changed["alertTargets"]) == (2, False, {"SNS": sns})
    assert code_of(iot.delete_security_profile, securityProfileName="p") == "InvalidRequestException"
    iot.detach_security_profile(securityProfileName="p", securityProfileTargetArn=EVERYTHING)
    iot.delete_security_profile(securityProfileName="p")
    now = clock.now()
    events = iot.list_violation_events(startTime=now - timedelta(days=1), endTime=now)
    assert (events["violationEvents"], iot.list_active_violations()["activeViolations"]) == ([], [])


@given(
    st.sampled_from([*behaviors.METRICS, "aws:x", "x"]),
    st.dictionaries(
        st.sampled_from(["comparisonOperator", "durationSeconds", "value", "statisticalThreshold"]),
        st.one_of(
            st.integers(),
            st.sampled_from(["less-than", "in-set"]),
            st.dictionaries(st.sampled_from(["count", "cidrs"]), st.lists(st.text(max_size=4))),
        ),
    ),
)
def test_any_criteria_are_judged(metric: str, criteria: dict[str, Any]) -> None:
    if not isinstance(criteria.get("value", {}), dict):
        return
    found = behaviors.faults([{"name": "x", "metric": metric, "criteria": criteria}], lambda _name: None)
    assert all(it.startswith("x: ") for it in found)
