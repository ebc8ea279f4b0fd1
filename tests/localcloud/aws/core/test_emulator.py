"""ministack as a child: reached through the front only, watched, ended with the local cloud."""

import io
import json
import os
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.core.conftest import Cloud

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root", "Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
THING = "arn:aws:iot:eu-west-1:111122223333:thing/a"
SOURCE = """
import boto3
def handle(event, context):
    iot = boto3.client("iot")
    try:
        iot.describe_thing(thingName="b")
    except iot.exceptions.ClientError as error:
        refused = error.response["Error"]["Code"]
    return {
        "who": boto3.client("sts").get_caller_identity()["Arn"],
        "thing": iot.describe_thing(thingName="a")["thingName"],
        "refused": refused,
    }
"""


def role(cloud: Cloud, name: str, *actions: str) -> str:
    """A role that may do this with thing a."""
    iam = cloud.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": THING}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
    return arn


def session(cloud: Cloud, arn: str, **more: Any) -> tuple[str, ...]:
    made = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)["Credentials"]
    return made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])


def test_a_sessions_role_says_what_it_may(cloud: Cloud) -> None:
    cloud.client("iot").create_thing(thingName="a")
    arn = role(cloud, "reader", "iot:DescribeThing", "iot:DeleteThing")
    iot = cloud.client("iot", session(cloud, arn))
    assert iot.describe_thing(thingName="a")["thingName"] == "a"
    assert code(iot.describe_thing, thingName="b") == "AccessDeniedException"
    assert code(iot.list_things) == "AccessDeniedException"
    limit = {"Effect": "Allow", "Action": "iot:DescribeThing", "Resource": THING}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [limit]})
    narrow = cloud.client("iot", session(cloud, arn, Policy=policy))
    assert narrow.describe_thing(thingName="a")["thingName"] == "a"
    assert code(narrow.delete_thing, thingName="a") == "AccessDeniedException"
    cloud.client("iam").delete_role_policy(RoleName="reader", PolicyName="p")
    assert code(iot.describe_thing, thingName="a") == "AccessDeniedException"


def test_a_users_key(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    iot = cloud.client("iot", (made["AccessKeyId"], made["SecretAccessKey"]))
    assert code(iot.list_things) == "AccessDeniedException"
    statement = {"Effect": "Allow", "Action": "iot:ListThings", "Resource": "*"}
    managed = iam.create_policy(
        PolicyName="list", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    iam.attach_user_policy(UserName="ann", PolicyArn=managed["Policy"]["Arn"])
    iot.list_things()
    iam.delete_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"])
    assert code(iot.list_things) == "UnrecognizedClientException"


def test_a_function_reaches_aws_iot_as_its_role(cloud: Cloud) -> None:
    cloud.client("iot").create_thing(thingName="a")
    arn = role(cloud, "function", "iot:DescribeThing")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", SOURCE)
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Role=arn,
        Handler="code.handle",
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
    )
    answer = functions.invoke(FunctionName="f", Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == {
        "who": "arn:aws:sts::111122223333:assumed-role/function/f",
        "thing": "a",
        "refused": "AccessDeniedException",
    }


def test_objects_and_queues(cloud: Cloud) -> None:
    objects = cloud.client("s3")
    where = {"LocationConstraint": "eu-west-1"}
    objects.create_bucket(Bucket="muster-test", CreateBucketConfiguration=where)
    objects.put_object(Bucket="muster-test", Key="a b/ü", Body=b"hello" * 2_000_000)
    assert objects.head_object(Bucket="muster-test", Key="a b/ü")["ContentLength"] == 10_000_000
    assert objects.get_object(Bucket="muster-test", Key="a b/ü")["Body"].read(5) == b"hello"
    queues = cloud.client("sqs")
    url = queues.create_queue(QueueName="q")["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="hi")
    assert queues.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hi"


def test_its_own_paths_and_its_iot_are_nobodys(cloud: Cloud) -> None:
    sts = cloud.client("sts")
    sts.meta.events.register(
        "before-sign.sts.*", lambda request, **_: setattr(request, "url", _reset(request.url))
    )
    assert code(sts.get_caller_identity) == "UnknownOperationException"
    other = cloud.client("iot", endpoint="https://sts.eu-west-1.amazonaws.com")
    assert code(other.list_things) == "UnknownOperationException"


def _reset(url: str) -> str:
    return url.rstrip("/") + "/_ministack/reset"


def test_it_listens_nowhere_but_on_its_socket(cloud: Cloud) -> None:
    cloud.client("sts").get_caller_identity()
    child = psutil.Process(cloud.emulator()["pid"])
    family = [child, *child.children(recursive=True)]
    listening = [
        it for one in family for it in one.net_connections("inet") if it.status == psutil.CONN_LISTEN
    ]
    assert listening == []
    home = Path(cloud.emulator()["home"]).stat()
    assert home.st_mode & 0o777 == 0o700
    assert cloud.environment()["AWS_SECRET_ACCESS_KEY"] not in str(child.environ())
    assert cloud.environment()["AWS_SECRET_ACCESS_KEY"] not in str(child.cmdline())


def test_it_starts_with_the_first_call_and_ends_in_order(fresh: Cloud) -> None:
    fresh.client("iot").list_things()
    assert not (fresh.state / "aws" / "emulator.json").exists()
    fresh.client("ssm").put_parameter(Name="/muster/x", Value="1", Type="String")
    record = fresh.emulator()
    fresh.stop()
    assert not psutil.pid_exists(record["pid"])
    assert not Path(record["home"]).exists()
    fresh.start()
    assert fresh.client("ssm").get_parameter(Name="/muster/x")["Parameter"]["Value"] == "1"


def test_it_is_started_again_when_it_has_died(fresh: Cloud) -> None:
    fresh.client("ssm").put_parameter(Name="/muster/x", Value="1", Type="String")
    _until_saved(fresh)
    first = fresh.emulator()["pid"]
    os.kill(first, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=10)
    assert fresh.client("ssm").get_parameter(Name="/muster/x")["Parameter"]["Value"] == "1"
    assert fresh.emulator()["pid"] != first


def test_it_does_not_outlive_a_killed_local_cloud(fresh: Cloud) -> None:
    arn = role(fresh, "r", "iot:DescribeThing")
    fresh.client("iot").create_thing(thingName="a")
    keys = session(fresh, arn)
    child = psutil.Process(fresh.emulator()["pid"])
    fresh.stop(signal.SIGKILL)
    gone, alive = psutil.wait_procs([child], timeout=20)
    assert (len(gone), alive) == (1, [])
    fresh.start()
    assert fresh.client("iot", keys).describe_thing(thingName="a")["thingName"] == "a"
    assert fresh.client("iam").get_role(RoleName="r")["Role"]["Arn"] == arn


def test_one_that_hangs_is_ended_by_the_next_start(fresh: Cloud) -> None:
    fresh.client("sts").get_caller_identity()
    child = psutil.Process(fresh.emulator()["pid"])
    child.suspend()
    fresh.stop(signal.SIGKILL)
    fresh.start()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def _until_saved(cloud: Cloud) -> None:
    """ministack's state is written within seconds of a change."""
    path = cloud.state / "aws" / "state" / "ssm.json"
    for _ in range(200):
        if path.exists() and "/muster/x" in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError("not saved")
