"""Registration in bulk: a file of devices in S3, its reports, stopping, and going on after a crash."""

import asyncio
import json
from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from tests.localcloud.aws.control.around import Around
from tests.localcloud.aws.control.refusals import code_of, words_of
from tests.localcloud.aws.control.test_registration import csr

Client = Any
BODY = json.dumps(
    {
        "Parameters": {"ThingName": {"Type": "String"}, "CSR": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "ThingName"}}},
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"},
            },
        },
    }
)


@pytest.fixture
def role(around: Around) -> str:
    return around.add_role("bulk", "s3:GetObject", resource="arn:aws:s3:::fleet/*")


def line(name: str) -> str:
    return json.dumps({"ThingName": name, "CSR": csr(name)})


def start(iot: Client, role: str, **changes: Any) -> str:
    given = {
        "templateBody": BODY,
        "inputFileBucket": "fleet",
        "inputFileKey": "devices.json",
        "roleArn": role,
    }
    return str(iot.start_thing_registration_task(**{**given, **changes})["taskId"])


def run(aws: Aws) -> None:
    async def ticked() -> None:
        aws.world.tick()
        await aws.world.background.settle()

    asyncio.run(ticked())


def report(iot: Client, around: Around, aws: Aws, task: str, kind: str) -> list[dict[str, Any]]:
    links = iot.list_thing_registration_task_reports(taskId=task, reportType=kind)["resourceLinks"]
    if not links:
        return []
    (link,) = links
    bucket = aws.world.registration_tasks.bucket
    assert link.startswith(f"https://{bucket}.s3.eu-west-1.amazonaws.com/{task}/")
    name = link.partition("?")[0].rpartition("/")[2]
    return [json.loads(it) for it in around.objects[bucket, f"{task}/{name}"].splitlines()]


def test_each_line_is_a_device_or_an_error(iot: Client, aws: Aws, around: Around, role: str) -> None:
    lines = [line("a"), "nonsense", '{"ThingName": "b"}', '{"ThingName": 7}', line("c")]
    around.objects["fleet", "devices.json"] = ("\n".join(lines) + "\n").encode()
    task = start(iot, role)
    assert "one at a time" in words_of(start, iot, role)
    run(aws)
    shown = iot.describe_thing_registration_task(taskId=task)
    assert (shown["status"], shown["successCount"], shown["failureCount"], shown["percentageProgress"]) == (
        "Completed",
        2,
        3,
        100,
    )
    assert [it["thingName"] for it in iot.list_things()["things"]] == ["a", "c"]
    results = report(iot, around, aws, task, "RESULTS")
    assert [it["lineNumber"] for it in results] == [1, 5]
    assert set(results[0]["response"]["ResourceArns"]) == {"thing", "certificate"}
    errors = report(iot, around, aws, task, "ERRORS")
    assert [(it["lineNumber"], it["errorCode"]) for it in errors] == [
        (2, "InvalidRequestException"),
        (3, "InvalidRequestException"),
        (4, "InvalidRequestException"),
    ]
    assert iot.list_thing_registration_tasks(status="Completed")["taskIds"] == [task]


@pytest.mark.parametrize(
    ("right", "key", "words"),
    [
        ("s3:PutObject", "devices.json", "not authorized to perform s3:GetObject"),
        ("s3:GetObject", "none.json", "does not exist"),
    ],
)
def test_a_file_that_cannot_be_read_fails_the_task(
    iot: Client, aws: Aws, around: Around, right: str, key: str, words: str
) -> None:
    around.objects["fleet", "devices.json"] = line("a").encode()
    task = start(iot, around.add_role("other", right), inputFileKey=key)
    run(aws)
    shown = iot.describe_thing_registration_task(taskId=task)
    assert shown["status"] == "Failed"
    assert words in shown["message"]
    assert iot.list_things()["things"] == []


def test_a_task_is_stopped(iot: Client, aws: Aws, around: Around, role: str) -> None:
    around.objects["fleet", "devices.json"] = line("a").encode()
    task = start(iot, role)
    iot.stop_thing_registration_task(taskId=task)
    run(aws)
    assert iot.describe_thing_registration_task(taskId=task)["status"] == "Cancelled"
    assert iot.list_things()["things"] == []
    assert code_of(iot.stop_thing_registration_task, taskId=task) == "InvalidRequestException"


def test_a_task_goes_on_where_it_was(iot: Client, aws: Aws, around: Around, role: str) -> None:
    around.objects["fleet", "devices.json"] = "\n".join([line("a"), line("b")]).encode()
    task = start(iot, role)

    async def killed() -> None:
        aws.world.tick()
        while not aws.world.things.all():
            await asyncio.sleep(0)
        await aws.world.background.stop()

    asyncio.run(killed())
    assert iot.describe_thing_registration_task(taskId=task)["status"] == "InProgress"
    run(aws)
    shown = iot.describe_thing_registration_task(taskId=task)
    assert (shown["status"], shown["successCount"], shown["failureCount"]) == ("Completed", 2, 0)
    assert len(iot.list_certificates()["certificates"]) == 2


def test_a_template_of_fleet_provisioning_is_refused(iot: Client, role: str) -> None:
    body = json.dumps({**json.loads(BODY), "DeviceConfiguration": {}})
    assert "DeviceConfiguration" in words_of(start, iot, role, templateBody=body)
