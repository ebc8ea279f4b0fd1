"""OTA updates and streams through boto3: a job whose document FreeRTOS' agents read."""

import json
from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from tests.localcloud.aws.control.around import Around
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of

Client = Any
PLACE = {"bucket": "images", "key": "pump.bin"}
SIGNED = {
    "customCodeSigning": {
        "signature": {"inlineDocument": b"\x01\x02"},
        "certificateChain": {"certificateName": "signer.pem"},
        "hashAlgorithm": "SHA256",
        "signatureAlgorithm": "ECDSA",
    }
}


@pytest.fixture
def role(around: Around, iot: Client) -> str:
    """A role that may read images, one of which is there; and a thing."""
    around.objects["images", "pump.bin"] = b"image"
    iot.create_thing(thingName="pump")
    return around.add_role("ota", "s3:GetObject", resource="arn:aws:s3:::images/*")


def create(iot: Client, role: str, **changes: Any) -> dict[str, Any]:
    file = {"fileName": "/pump.bin", "fileLocation": {"s3Location": PLACE}, "codeSigning": SIGNED}
    targets = ["arn:aws:iot:eu-west-1:111122223333:thing/pump"]
    given = {"otaUpdateId": "u1", "targets": targets, "files": [file], "roleArn": role}
    made: dict[str, Any] = iot.create_ota_update(**{**given, **changes})
    return made


def test_over_mqtt_the_files_are_a_stream(iot: Client, aws: Aws, role: str) -> None:
    made = create(iot, role)
    assert (made["awsIotJobId"], made["otaUpdateStatus"]) == ("AFR_OTA-u1", "CREATE_COMPLETE")
    given = json.loads(aws.world.jobs.executions.start_next("pump", {})["execution"]["jobDocument"])
    stream = given["afr_ota"].pop("streamname")
    assert given == {
        "afr_ota": {
            "protocols": ["MQTT"],
            "files": [
                {
                    "filepath": "/pump.bin",
                    "filesize": 5,
                    "fileid": 0,
                    "certfile": "signer.pem",
                    "sig-sha256-ecdsa": "AQI=",
                }
            ],
        }
    }
    shown = iot.describe_stream(streamId=stream)["streamInfo"]
    assert shown["files"] == [{"fileId": 0, "s3Location": PLACE}]
    assert code_of(iot.delete_stream, streamId=stream) == "DeleteConflictException"
    info = iot.get_ota_update(otaUpdateId="u1")["otaUpdateInfo"]
    assert info["otaUpdateFiles"][0]["codeSigning"] == SIGNED
    assert code_of(iot.delete_ota_update, otaUpdateId="u1") == "InvalidStateTransitionException"
    iot.delete_ota_update(otaUpdateId="u1", deleteStream=True, forceDeleteAWSJob=True)
    assert (iot.list_streams()["streams"], iot.list_jobs()["jobs"]) == ([], [])


def test_over_http_the_device_gets_a_signed_link(iot: Client, aws: Aws, role: str) -> None:
    configs = {
        "awsJobPresignedUrlConfig": {"expiresInSec": 90},
        "awsJobTimeoutConfig": {"inProgressTimeoutInMinutes": 5},
    }
    create(iot, role, protocols=["HTTP"], **configs)
    assert "awsJobTimeoutConfig" not in iot.get_ota_update(otaUpdateId="u1")["otaUpdateInfo"]
    job = iot.describe_job(jobId="AFR_OTA-u1")["job"]
    assert job["timeoutConfig"] == {"inProgressTimeoutInMinutes": 5}
    given = json.loads(aws.world.jobs.executions.start_next("pump", {})["execution"]["jobDocument"])
    (file,) = given["afr_ota"]["files"]
    assert "streamname" not in given["afr_ota"]
    assert file["auth_scheme"] == "aws.s3.presigned"
    assert file["update_data_url"].startswith("https://images.s3.eu-west-1.amazonaws.com/pump.bin?")
    assert "X-Amz-Expires=90" in file["update_data_url"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": [{"fileName": "x"}]}, "one of stream and s3Location"),
        ({"files": [{"fileLocation": {"s3Location": PLACE}}]}, "fileName"),
        ({"files": [{"fileName": "x", "fileLocation": {"s3Location": {"bucket": "images"}}}]}, "a key"),
        ({"files": [{"fileName": "x", "fileLocation": {"stream": {"fileId": 0}}}]}, "has a streamId"),
        (
            {"files": [{"fileName": "x", "fileLocation": {"s3Location": {**PLACE, "key": "none"}}}]},
            "cannot be read",
        ),
        ({"roleArn": ROLE}, "cannot be read"),
        ({"targets": ["arn:aws:iot:eu-west-1:111122223333:thing/none"]}, "cannot be found"),
        ({"otaUpdateId": "x" * 57}, "too long"),
        (
            {
                "files": [
                    {
                        "fileName": "x",
                        "fileLocation": {"s3Location": PLACE},
                        "codeSigning": {"awsSignerJobId": "7"},
                    }
                ]
            },
            "AWS Signer is not served",
        ),
        (
            {
                "files": [
                    {
                        "fileName": "x",
                        "fileLocation": {"s3Location": PLACE},
                        "codeSigning": {
                            "customCodeSigning": {**SIGNED["customCodeSigning"], "signature": {}}
                        },
                    }
                ]
            },
            "has an inlineDocument",
        ),
        ({"protocols": ["FTP"]}, "enum value set"),
    ],
)
def test_an_update_with_a_fault_leaves_nothing(
    iot: Client, role: str, changes: dict[str, Any], words: str
) -> None:
    assert words in words_of(create, iot, role, **changes)
    assert iot.list_ota_updates()["otaUpdates"] == []
    assert (iot.list_streams()["streams"], iot.list_jobs()["jobs"]) == ([], [])


def test_a_stream_has_versions(iot: Client) -> None:
    files = [{"fileId": 0, "s3Location": PLACE}]
    assert iot.create_stream(streamId="s", files=files, roleArn=ROLE)["streamVersion"] == 0
    assert iot.update_stream(streamId="s", description="more")["streamVersion"] == 1
    assert "fileId of its own" in words_of(iot.update_stream, streamId="s", files=files * 2)
    assert code_of(iot.create_stream, streamId="s", files=files, roleArn=ROLE) == (
        "ResourceAlreadyExistsException"
    )
    iot.delete_stream(streamId="s")
    assert code_of(iot.describe_stream, streamId="s") == "ResourceNotFoundException"
