"""The control plane of a started cloud: what reaches IAM, S3 and SNS, through boto3 and the proxy."""

import json
import ssl
import time
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.localcloud.aws.live.conftest import Cloud

ACCOUNT = "111122223333"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "iot.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
                "ArnLike": {"aws:SourceArn": f"arn:aws:iot:eu-west-1:{ACCOUNT}:*"},
            },
        }
    ],
}


def role(cloud: Cloud, name: str, action: str, resource: str) -> str:
    """A role of IAM's that AWS IoT takes on."""
    iam = cloud.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    iam.put_role_policy(
        RoleName=name,
        PolicyName="right",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    return str(made)


def request(name: str) -> str:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def fetched(cloud: Cloud, link: str) -> bytes:
    """What lies behind a signed link, without credentials."""
    trust = ssl.create_default_context(cafile=cloud.trust)
    with httpx.Client(proxy=cloud.proxy, verify=trust) as client:
        answer = client.get(link)
    assert answer.status_code == 200, answer.text
    return answer.content


def topic_with_queue(cloud: Cloud) -> tuple[str, str]:
    """An SNS topic, and a queue that hears it."""
    topic = cloud.client("sns").create_topic(Name="findings")["TopicArn"]
    arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:findings"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue = cloud.client("sqs").create_queue(QueueName="findings", Attributes={"Policy": policy})
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return str(topic), str(queue["QueueUrl"])


@pytest.mark.timeout(120)
def test_an_audit_tells_its_topic(cloud: Cloud) -> None:
    iot, check = cloud.client("iot"), "LOGGING_DISABLED_CHECK"
    topic, queue = topic_with_queue(cloud)
    teller = role(cloud, "audit-teller", "sns:Publish", topic)
    iot.update_account_audit_configuration(
        roleArn=teller,
        auditCheckConfigurations={check: {"enabled": True}},
        auditNotificationTargetConfigurations={
            "SNS": {"targetArn": topic, "roleArn": teller, "enabled": True}
        },
    )
    task = iot.start_on_demand_audit_task(targetCheckNames=[check])["taskId"]
    assert iot.describe_audit_task(taskId=task)["taskStatistics"]["nonCompliantChecks"] == 1
    heard = cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    message = json.loads(json.loads(heard[0]["Body"])["Message"])
    assert (message["taskId"], message["auditDetails"][0]["checkName"]) == (task, check)


@pytest.mark.timeout(120)
def test_devices_are_registered_from_a_file(cloud: Cloud) -> None:
    iot, s3 = cloud.client("iot"), cloud.client("s3")
    location: Any = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="fleet-1", CreateBucketConfiguration=location)
    lines = [json.dumps({"ThingName": name, "CSR": request(name)}) for name in ("bulk-a", "bulk-b")]
    s3.put_object(Bucket="fleet-1", Key="devices.json", Body="\n".join([*lines, "{}"]))
    body = {
        "Parameters": {"ThingName": {"Type": "String"}, "CSR": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "ThingName"}}},
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateSigningRequest": {"Ref": "CSR"}},
            },
        },
    }
    task = iot.start_thing_registration_task(
        templateBody=json.dumps(body),
        inputFileBucket="fleet-1",
        inputFileKey="devices.json",
        roleArn=role(cloud, "bulk", "s3:GetObject", "arn:aws:s3:::fleet-1/*"),
    )["taskId"]
    while iot.describe_thing_registration_task(taskId=task)["status"] == "InProgress":
        time.sleep(0.2)
    shown = iot.describe_thing_registration_task(taskId=task)
    assert (shown["status"], shown["successCount"], shown["failureCount"]) == ("Completed", 2, 1), shown
    (link,) = iot.list_thing_registration_task_reports(taskId=task, reportType="RESULTS")["resourceLinks"]
    results = [json.loads(it) for it in fetched(cloud, link).splitlines()]
    assert [it["lineNumber"] for it in results] == [1, 2]


@pytest.mark.timeout(120)
def test_a_job_s_document_and_image_come_from_s3(cloud: Cloud) -> None:
    iot, s3 = cloud.client("iot"), cloud.client("s3")
    location: Any = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="images-1", CreateBucketConfiguration=location)
    s3.put_object(Bucket="images-1", Key="pump.bin", Body=b"image")
    image = "https://images-1.s3.eu-west-1.amazonaws.com/pump.bin"
    document = {"image": f"${{aws:iot:s3-presigned-url:{image}}}"}
    s3.put_object(Bucket="images-1", Key="job.json", Body=json.dumps(document))
    thing = iot.create_thing(thingName="job-pump")["thingArn"]
    iot.create_job(
        jobId="from-s3",
        targets=[thing],
        documentSource="https://images-1.s3.eu-west-1.amazonaws.com/job.json",
        presignedUrlConfig={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/x12345678", "expiresInSec": 60},
    )
    assert json.loads(iot.get_job_document(jobId="from-s3")["document"]) == document
    given = cloud.client("iot-jobs-data").start_next_pending_job_execution(thingName="job-pump")
    link = json.loads(given["execution"]["jobDocument"])["image"]
    assert fetched(cloud, link) == b"image"


def test_a_tunnel_is_opened(cloud: Cloud) -> None:
    tunneling = cloud.client("iotsecuretunneling")
    made = tunneling.open_tunnel(timeoutConfig={"maxLifetimeTimeoutMinutes": 5})
    assert tunneling.describe_tunnel(tunnelId=made["tunnelId"])["tunnel"]["status"] == "OPEN"
    kept = b"".join(it.read_bytes() for it in cloud.state.glob("*.db*"))
    assert made["sourceAccessToken"].encode() not in kept
