"""Templates of jobs through boto3, and jobs that are made from them."""

import json
from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of

Client = Any
ARN = "arn:aws:iot:eu-west-1:111122223333"
DOCUMENT = json.dumps({"do": "reboot"})
CONFIGS: dict[str, Any] = {
    "timeoutConfig": {"inProgressTimeoutInMinutes": 5},
    "jobExecutionsRolloutConfig": {"maximumPerMinute": 7},
}


@pytest.fixture
def fleet(iot: Client) -> Client:
    iot.create_thing(thingName="a")
    return iot


def _template(iot: Client, name: str = "reboot", **more: Any) -> dict[str, Any]:
    wanted = {"jobTemplateId": name, "description": "again", "document": DOCUMENT, **more}
    made: dict[str, Any] = iot.create_job_template(
        **{key: it for key, it in wanted.items() if it is not None}
    )
    return {key: it for key, it in made.items() if key != "ResponseMetadata"}


def _job(iot: Client, **more: Any) -> None:
    iot.create_job(
        **{
            "jobId": "job",
            "targets": [f"{ARN}:thing/a"],
            "jobTemplateArn": f"{ARN}:jobtemplate/reboot",
            **more,
        }
    )


def test_a_template_is_made_shown_and_deleted(iot: Client) -> None:
    arn = f"{ARN}:jobtemplate/reboot"
    tags = [{"Key": "a", "Value": "b"}]
    assert _template(iot, tags=tags, **CONFIGS) == {"jobTemplateArn": arn, "jobTemplateId": "reboot"}
    assert code_of(_template, iot) == "ConflictException"
    shown = iot.describe_job_template(jobTemplateId="reboot")
    assert {name: shown[name] for name in CONFIGS} == CONFIGS
    assert (shown["document"], shown["description"], shown["jobTemplateArn"]) == (DOCUMENT, "again", arn)
    assert iot.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    _template(iot, "other")
    pages = list(iot.get_paginator("list_job_templates").paginate(PaginationConfig={"PageSize": 1}))
    assert [it["jobTemplateId"] for page in pages for it in page["jobTemplates"]] == ["other", "reboot"]
    iot.delete_job_template(jobTemplateId="reboot")
    for operation in (iot.describe_job_template, iot.delete_job_template):
        assert code_of(operation, jobTemplateId="reboot") == "ResourceNotFoundException"


def test_a_job_takes_what_the_template_says_and_the_call_does_not(fleet: Client, aws: Aws) -> None:
    _template(fleet, **CONFIGS)
    _job(fleet, timeoutConfig={"inProgressTimeoutInMinutes": 9})
    job = fleet.describe_job(jobId="job")["job"]
    assert job["jobTemplateArn"] == f"{ARN}:jobtemplate/reboot"
    assert job["timeoutConfig"] == {"inProgressTimeoutInMinutes": 9}
    assert job["jobExecutionsRolloutConfig"] == {"maximumPerMinute": 7}
    fleet.delete_job_template(jobTemplateId="reboot")
    assert aws.world.jobs.executions.start_next("a", {})["execution"]["jobDocument"] == DOCUMENT


def test_a_template_of_a_job(fleet: Client) -> None:
    _template(fleet, **CONFIGS)
    _job(fleet)
    _template(fleet, "copy", document=None, jobArn=f"{ARN}:job/job")
    shown = fleet.describe_job_template(jobTemplateId="copy")
    assert (shown["document"], shown["timeoutConfig"]) == (DOCUMENT, CONFIGS["timeoutConfig"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jobTemplateId": "a b"}, "regular expression pattern"),
        ({"jobTemplateId": "x" * 65}, "less than or equal to 64"),
        ({"description": None}, "must not be null"),
        ({"document": "{"}, "not valid JSON"),
        ({"document": None}, "has one of jobArn, document, documentSource"),
        ({"jobArn": f"{ARN}:job/job"}, "has one of jobArn, document, documentSource"),
        ({"document": None, "jobArn": f"{ARN}:thing/a"}, "no ARN of a job"),
        ({"document": None, "jobArn": f"{ARN}:job/none"}, "cannot be found"),
        ({"timeoutConfig": {"inProgressTimeoutInMinutes": 0}}, "1 to 10080"),
        ({"presignedUrlConfig": {"roleArn": ROLE, "expiresInSec": 59}}, "greater than or equal to 60"),
        ({"maintenanceWindows": [{"startTime": "cron(0 0 * * ? *)", "durationInMinutes": 5}]}, "not served"),
    ],
)
def test_a_template_with_a_fault_is_refused(fleet: Client, changes: dict[str, Any], words: str) -> None:
    assert words in words_of(_template, fleet, **changes)
    assert fleet.list_job_templates()["jobTemplates"] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"document": DOCUMENT}, "one of document, documentSource and jobTemplateArn"),
        ({"jobTemplateArn": f"{ARN}:jobtemplate/none"}, "cannot be found"),
        ({"jobTemplateArn": f"{ARN}:job/reboot"}, "no ARN of a job template"),
        ({"jobTemplateArn": "arn:aws:iot:eu-west-1::jobtemplate/AWS-Reboot:1.0"}, "AWS' own are not served"),
        ({"documentParameters": {"a": "b"}}, "documentParameters of jobs is not served"),
    ],
)
def test_a_job_that_names_a_template_wrongly_is_refused(
    fleet: Client, changes: dict[str, Any], words: str
) -> None:
    _template(fleet)
    assert words in words_of(_job, fleet, **changes)
    assert fleet.list_jobs()["jobs"] == []
