"""Detect: only for whom AWS still sells it to; one profile for the fleet's groups, alarms to a topic."""

from typing import Any

import pulumi
import pytest

from components.aws.detect import METRICS, Detect, DetectArgs
from tests.components.aws.engine import IOT, PLACE, Engine, run

PROFILE = "aws-native:iot:SecurityProfile"


def declared(**changes: Any) -> Engine:
    args: DetectArgs = {
        "place": PLACE,
        "existing_customer": True,
        "behaviors": {
            "chatty": {"metric": "messagesSent", "more_than": 600, "window_minutes": 5, "windows": 2},
        },
        "groups": [f"{IOT}:thinggroup/coldchain-reefers"],
        "emails": ["ops@example.com"],
        "tags": {"muster-fleet": "coldchain"},
        **changes,  # type: ignore[typeddict-item]  # keys of the same
    }
    return run(lambda: Detect("coldchain-detect", args))


def test_a_profile_for_the_fleets_groups() -> None:
    profile = declared().one(PROFILE).inputs
    assert profile["securityProfileName"] == "coldchain-prod-detect"
    assert profile["targetArns"] == [f"{IOT}:thinggroup/coldchain-reefers"]
    assert profile["behaviors"] == [
        {
            "name": "chatty",
            "metric": "aws:num-messages-sent",
            "criteria": {
                "comparisonOperator": "greater-than",
                "value": {"count": "600"},
                "durationSeconds": 300,
                "consecutiveDatapointsToAlarm": 2,
                "consecutiveDatapointsToClear": 2,
            },
        }
    ]


def test_alarms_go_to_a_topic_by_a_role_for_this_profile() -> None:
    engine = declared()
    target = engine.one(PROFILE).inputs["alertTargets"]["SNS"]
    assert target["alertTargetArn"] == "arn:aws:sns:eu-west-1:111122223333:coldchain-prod-detect"
    assert engine.one("aws:iam/rolePolicy:RolePolicy").urn in engine.one(PROFILE).depends_on
    (trust,) = engine.one("aws:iam/role:Role").document("assumeRolePolicy")
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": f"{IOT}:securityprofile/coldchain-prod-detect"}


def test_a_custom_metric_is_made_before_the_profile_that_needs_it() -> None:
    warm = {"metric": "celsius", "more_than": 8, "windows": 1}
    engine = declared(custom_metrics={"celsius": "number"}, behaviors={"warm": warm})
    metric = engine.one("aws-native:iot:CustomMetric")
    assert (metric.inputs["metricName"], metric.inputs["metricType"]) == ("celsius", "number")
    profile = engine.one(PROFILE)
    assert metric.urn in profile.depends_on
    criteria = profile.inputs["behaviors"][0]["criteria"]
    assert criteria["value"] == {"number": 8.0}
    assert "durationSeconds" not in criteria


def test_a_new_customer_is_refused_before_anything_is_declared() -> None:
    with pytest.raises(pulumi.RunError, match="closed Device Defender Detect to new customers"):
        declared(existing_customer=False)


def test_every_metric_of_the_description_is_one_of_aws() -> None:
    assert all(name.startswith("aws:num-") for name in METRICS.values())
