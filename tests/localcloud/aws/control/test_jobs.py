"""Jobs through boto3, and what their devices see."""

import json
from typing import Any

import pytest

from localcloud.aws.api import ApiError
from localcloud.aws.cloud import Aws
from localcloud.aws.iot import job_rollout
from localcloud.clock import Clock
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of

Client = Any
DOCUMENT = json.dumps({"do": "reboot"})
THING = "arn:aws:iot:eu-west-1:111122223333:thing/{}"
GROUP = "arn:aws:iot:eu-west-1:111122223333:thinggroup/{}"


@pytest.fixture
def fleet(iot: Client) -> Client:
    """Three things, two of them in a group."""
    iot.create_thing_group(thingGroupName="plant")
    for name in ("a", "b", "c"):
        iot.create_thing(thingName=name)
    for name in ("a", "b"):
        iot.add_thing_to_thing_group(thingName=name, thingGroupName="plant")
    return iot


def create(iot: Client, job_id: str = "job", **more: Any) -> dict[str, Any]:
    targets = [GROUP.format("plant")]
    made: dict[str, Any] = iot.create_job(
        **{"jobId": job_id, "targets": targets, "document": DOCUMENT, **more}
    )
    return made


def statuses(iot: Client, job_id: str = "job") -> dict[str, str]:
    found = iot.list_job_executions_for_job(jobId=job_id)["executionSummaries"]
    return {it["thingArn"].rpartition("/")[2]: it["jobExecutionSummary"]["status"] for it in found}


def test_a_job_goes_out_and_is_done(fleet: Client, aws: Aws) -> None:
    changed: list[str] = []
    executions = aws.world.jobs.executions
    executions.on_change(changed.append)
    made = create(fleet, description="of all")
    assert made["jobArn"] == "arn:aws:iot:eu-west-1:111122223333:job/job"
    assert statuses(fleet) == {"a": "QUEUED", "b": "QUEUED"}
    assert changed == ["a", "b"]
    assert [it["jobId"] for it in executions.pending("a")["queuedJobs"]] == ["job"]
    started = executions.start_next("a", {"statusDetails": {"step": "1"}})["execution"]
    assert (started["status"], started["jobDocument"], started["versionNumber"]) == (
        "IN_PROGRESS",
        DOCUMENT,
        2,
    )
    executions.update("a", "job", {"status": "SUCCEEDED", "expectedVersion": 2})
    executions.update("b", "job", {"status": "REJECTED"})
    job = fleet.describe_job(jobId="job")["job"]
    details = job["jobProcessDetails"]
    assert (job["status"], details["numberOfSucceededThings"], details["numberOfRejectedThings"]) == (
        "COMPLETED",
        1,
        1,
    )
    shown = fleet.describe_job_execution(jobId="job", thingName="a")["execution"]
    assert shown["statusDetails"] == {"detailsMap": {"step": "1"}}
    assert executions.next("a") is None
    assert executions.start_next("a", {}) == {}


def test_the_next_job_is_the_one_in_progress_then_the_oldest(fleet: Client, aws: Aws) -> None:
    executions = aws.world.jobs.executions
    for job_id in ("first", "second"):
        create(fleet, job_id, targets=[THING.format("c")])
    assert executions.describe("c", "$next", {})["execution"]["jobId"] == "first"
    executions.update("c", "second", {"status": "IN_PROGRESS"})
    shown = executions.describe("c", "$next", {"includeJobDocument": False})["execution"]
    assert shown["jobId"] == "second"
    assert "jobDocument" not in shown


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"status": "QUEUED"}, "InvalidRequestException"),
        ({"status": "CANCELED"}, "InvalidRequestException"),
        ({"status": "SUCCEEDED", "expectedVersion": 9}, "VersionConflictException"),
        ({"status": "SUCCEEDED", "executionNumber": 9}, "ResourceNotFoundException"),
        ({"status": "IN_PROGRESS", "stepTimeoutInMinutes": 0}, "InvalidRequestException"),
        (
            {"status": "IN_PROGRESS", "statusDetails": {str(it): "x" for it in range(11)}},
            "InvalidRequestException",
        ),
    ],
)
def test_a_report_that_cannot_be_is_refused(
    fleet: Client, aws: Aws, params: dict[str, Any], code: str
) -> None:
    create(fleet)
    with pytest.raises(ApiError) as refused:
        aws.world.jobs.executions.update("a", "job", params)
    assert refused.value.code == code
    assert statuses(fleet)["a"] == "QUEUED"


def test_what_is_finished_stays_so(fleet: Client, aws: Aws) -> None:
    create(fleet)
    aws.world.jobs.executions.update("a", "job", {"status": "FAILED"})
    with pytest.raises(ApiError) as refused:
        aws.world.jobs.executions.update("a", "job", {"status": "IN_PROGRESS"})
    assert refused.value.code == "InvalidStateTransitionException"


def test_a_job_is_changed_while_it_is_in_progress(fleet: Client) -> None:
    create(fleet)
    fleet.update_job(jobId="job", description="more", timeoutConfig={"inProgressTimeoutInMinutes": 9})
    job = fleet.describe_job(jobId="job")["job"]
    assert (job["description"], job["timeoutConfig"]) == ("more", {"inProgressTimeoutInMinutes": 9})
    wrong = {"inProgressTimeoutInMinutes": 0}
    assert "1 to 10080" in words_of(fleet.update_job, jobId="job", timeoutConfig=wrong)
    fleet.cancel_job(jobId="job")
    assert "is CANCELED" in words_of(fleet.update_job, jobId="job", description="late")


def test_a_rollout_keeps_its_rate(fleet: Client, aws: Aws, clock: Clock) -> None:
    every = [THING.format(it) for it in "abc"]
    create(fleet, targets=every, jobExecutionsRolloutConfig={"maximumPerMinute": 1})
    assert statuses(fleet) == {"a": "QUEUED"}
    aws.world.jobs.tick()
    assert len(statuses(fleet)) == 1
    clock.advance(60)
    aws.world.jobs.tick()
    assert len(statuses(fleet)) == 2


def test_executions_time_out_and_are_tried_again(fleet: Client, aws: Aws, clock: Clock) -> None:
    retry = {"criteriaList": [{"failureType": "TIMED_OUT", "numberOfRetries": 1}]}
    timeout = {"inProgressTimeoutInMinutes": 5}
    create(fleet, targets=[THING.format("a")], timeoutConfig=timeout, jobExecutionsRetryConfig=retry)
    executions = aws.world.jobs.executions
    for expected in ("QUEUED", "TIMED_OUT"):
        left = executions.start_next("a", {})["execution"]["approximateSecondsBeforeTimedOut"]
        assert 0 < left <= 300
        clock.advance(301)
        aws.world.jobs.tick()
        assert statuses(fleet) == {"a": expected}
    found = fleet.list_job_executions_for_thing(thingName="a")["executionSummaries"]
    assert [it["jobExecutionSummary"]["executionNumber"] for it in found] == [1, 2]
    assert fleet.describe_job(jobId="job")["job"]["status"] == "COMPLETED"


def test_a_job_is_given_up(fleet: Client, aws: Aws) -> None:
    criterion = {
        "failureType": "FAILED",
        "action": "CANCEL",
        "thresholdPercentage": 50.0,
        "minNumberOfExecutedThings": 1,
    }
    create(fleet, abortConfig={"criteriaList": [criterion]})
    aws.world.jobs.executions.update("a", "job", {"status": "FAILED"})
    assert fleet.describe_job(jobId="job")["job"]["status"] == "CANCELED"
    assert statuses(fleet) == {"a": "FAILED", "b": "CANCELED"}


def test_a_continuous_job_reaches_who_joins_later(fleet: Client, aws: Aws) -> None:
    create(fleet, targetSelection="CONTINUOUS")
    fleet.add_thing_to_thing_group(thingName="c", thingGroupName="plant")
    aws.world.jobs.tick()
    assert set(statuses(fleet)) == {"a", "b", "c"}
    for name in "abc":
        aws.world.jobs.executions.update(name, "job", {"status": "SUCCEEDED"})
    assert fleet.describe_job(jobId="job")["job"]["status"] == "IN_PROGRESS"


def test_a_job_is_cancelled_and_deleted(fleet: Client, aws: Aws) -> None:
    create(fleet)
    aws.world.jobs.executions.update("a", "job", {"status": "IN_PROGRESS"})
    assert code_of(fleet.delete_job, jobId="job") == "InvalidStateTransitionException"
    fleet.cancel_job(jobId="job", reasonCode="STOPPED", comment="enough")
    assert statuses(fleet) == {"a": "IN_PROGRESS", "b": "CANCELED"}
    assert fleet.describe_job(jobId="job")["job"]["reasonCode"] == "STOPPED"
    assert (
        code_of(fleet.cancel_job_execution, jobId="job", thingName="a") == "InvalidStateTransitionException"
    )
    fleet.cancel_job_execution(jobId="job", thingName="a", force=True)
    assert statuses(fleet)["a"] == "CANCELED"
    fleet.delete_job(jobId="job")
    assert code_of(fleet.describe_job, jobId="job") == "ResourceNotFoundException"
    assert aws.world.jobs.executions.of_thing("a") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"document": "{"}, "not valid JSON"),
        ({"documentSource": "https://s3.amazonaws.com/b/k"}, "one of document and documentSource"),
        ({"targets": ["arn:aws:iot:eu-west-1:111122223333:thing/none"]}, "cannot be found"),
        ({"targets": ["arn:aws:iot:eu-west-1:999999999999:thing/a"]}, "no ARN of a thing"),
        ({"timeoutConfig": {"inProgressTimeoutInMinutes": 0}}, "1 to 10080"),
        ({"document": '"${aws:iot:s3-presigned-url:http://x/y}"'}, "no https address"),
        ({"document": '"${aws:iot:s3-presigned-url:https://b12.s3.amazonaws.com/k}"'}, "presignedUrlConfig"),
        ({"schedulingConfig": {"startTime": "2030-01-01 00:00"}}, "schedulingConfig of jobs is not served"),
        ({"destinationPackageVersions": ["arn:aws:iot:x"]}, "is not served"),
        ({"jobExecutionsRolloutConfig": {"maximumPerMinute": 0}}, "greater than or equal to 1"),
    ],
)
def test_a_job_with_a_fault_is_refused(fleet: Client, changes: dict[str, Any], words: str) -> None:
    assert words in words_of(create, fleet, **changes)
    assert fleet.list_jobs()["jobs"] == []


def test_a_device_gets_signed_links(fleet: Client, aws: Aws) -> None:
    document = '{"image": "${aws:iot:s3-presigned-url:https://bucket-1.s3.eu-west-1.amazonaws.com/a/b.bin}"}'
    create(fleet, document=document, presignedUrlConfig={"roleArn": ROLE, "expiresInSec": 120})
    given = aws.world.jobs.executions.start_next("a", {})["execution"]["jobDocument"]
    link = json.loads(given)["image"]
    assert link.startswith("https://bucket-1.s3.eu-west-1.amazonaws.com/a/b.bin?")
    assert "X-Amz-Expires=120" in link
    assert aws.account.root_credentials().secret_key not in link
    assert fleet.get_job_document(jobId="job")["document"] == document


@pytest.mark.parametrize(
    ("config", "found", "expected"),
    [
        (None, [], 1000),
        ({"maximumPerMinute": 7}, [], 7),
        ("notified", [], 10),
        ("notified", ["QUEUED"] * 4, 10),
        ("notified", ["QUEUED"] * 5, 20),
        ("succeeded", ["QUEUED"] * 9 + ["SUCCEEDED"] * 10, 40),
        ("succeeded", ["SUCCEEDED"] * 100_000, 50),
    ],
)
def test_a_rate_grows(config: object, found: list[str], expected: int) -> None:
    criteria = {"notified": {"numberOfNotifiedThings": 5}, "succeeded": {"numberOfSucceededThings": 5}}
    if isinstance(config, str):
        rate = {
            "baseRatePerMinute": 10,
            "incrementFactor": 2.0,
            "rateIncreaseCriteria": criteria[config],
        }
        config = {"maximumPerMinute": 50, "exponentialRate": rate}
    assert isinstance(config, dict | None)
    assert job_rollout.per_minute(config, found) == expected
