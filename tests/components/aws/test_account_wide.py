"""What an account has once: one owner, which is made first; a second fleet is warned and declares nothing."""

from typing import Any

import pulumi
import pytest

from components.aws.account_wide import EVENTS, MARK, AccountWide, AccountWideArgs, is_ours, owner
from tests.components.aws.engine import PLACE, Engine, run

PARAMETER = "aws:ssm/parameter:Parameter"
INDEX = "aws:iot/indexingConfiguration:IndexingConfiguration"
EVENTED = "aws:iot/eventConfigurations:EventConfigurations"
LOGGING = "aws:iot/loggingOptions:LoggingOptions"


def declared(**changes: Any) -> Engine:
    args: AccountWideArgs = {
        "place": PLACE,
        "indexing": True,
        "events": ["THING", "CERTIFICATE"],
        "log_level": "WARN",
        "tags": {"muster-fleet": "coldchain"},
        **changes,  # type: ignore[typeddict-item]  # keys of the same
    }
    return run(lambda: AccountWide("coldchain-account", args))


def test_the_mark_is_made_first_and_never_overwritten() -> None:
    engine = declared()
    mark = engine.one(PARAMETER)
    assert (mark.inputs["name"], mark.inputs["insecureValue"]) == (MARK, "coldchain-prod")
    assert "overwrite" not in mark.inputs
    assert mark.depends_on == frozenset()
    rest = [each for each in engine.resources if each.token not in (PARAMETER, "muster:aws:AccountWide")]
    assert len(rest) == 5
    assert all(mark.urn in each.depends_on for each in rest)


def test_each_setting_is_a_singleton_and_says_all_of_itself() -> None:
    engine = declared()
    index = engine.one(INDEX).inputs
    assert index["thingIndexingConfiguration"] == {
        "thingIndexingMode": "REGISTRY_AND_SHADOW",
        "thingConnectivityIndexingMode": "STATUS",
    }
    assert index["thingGroupIndexingConfiguration"] == {"thingGroupIndexingMode": "ON"}
    events = engine.one(EVENTED).inputs["eventConfigurations"]
    assert set(events) == set(EVENTS)
    assert {kind for kind, on in events.items() if on} == {"THING", "CERTIFICATE"}
    assert engine.one(LOGGING).inputs["defaultLogLevel"] == "WARN"


def test_events_that_aws_has_not_are_refused() -> None:
    with pytest.raises(pulumi.RunError, match="no events of caCertificate, but of THING, "):
        declared(events=["THING", "caCertificate"])


def test_the_role_of_the_log_may_write_that_log_alone() -> None:
    engine = declared()
    role = engine.one("aws:iam/role:Role")
    (trust,) = role.document("assumeRolePolicy")
    assert trust["Principal"] == {"Service": "iot.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
    (right,) = engine.one("aws:iam/rolePolicy:RolePolicy").document("policy")
    assert right["Resource"] == "arn:aws:logs:eu-west-1:111122223333:log-group:AWSIotLogsV2:*"
    assert all(action.startswith("logs:") and "*" not in action for action in right["Action"])
    assert engine.one(LOGGING).inputs["roleArn"].endswith("role/coldchain-prod-logging")


def test_what_is_not_asked_for_is_left_alone() -> None:
    engine = declared(indexing=False, events=[], log_level=None)
    assert [each.token for each in engine.resources] == ["muster:aws:AccountWide", PARAMETER]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [({}, None), ({MARK: "coldchain-dev"}, "coldchain-dev"), ({f"{MARK}-not": "another"}, None)],
)
def test_aws_is_asked_who_the_owner_is(parameters: dict[str, str], found: str | None) -> None:
    told: list[str | None] = []
    engine = run(lambda: told.append(owner()), parameters)
    assert told == [found]
    assert engine.asked == ["/muster/iot"]


def test_that_nobody_may_be_asked_is_told_with_the_right_that_is_missing() -> None:
    with pytest.raises(pulumi.RunError, match=r"AccessDenied.*ssm:GetParametersByPath on /muster/iot"):
        run(owner, refusal="AccessDenied")


def test_without_an_account_nobody_is_asked_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_OFFLINE", "1")
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", said.append)
    told: list[str | None] = []
    engine = run(lambda: told.append(owner()), {MARK: "fridges-prod"})
    assert (told, engine.asked) == ([None], [])
    assert MARK in said[0]


def test_a_second_fleet_is_warned_and_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    assert is_ours("coldchain-prod", None)
    assert is_ours("coldchain-prod", "coldchain-prod")
    assert warned == []
    assert not is_ours("coldchain-prod", "fridges-prod")
    (text,) = warned
    assert "belong to fridges-prod" in text
    assert MARK in text
    assert "aws.accountWide" in text
