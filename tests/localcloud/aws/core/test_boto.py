"""Calls in AWS IoT's own name: many at once, and each with its own answer."""

import asyncio
import json
from pathlib import Path

import pytest

from localcloud.aws.api import ApiError
from localcloud.aws.boto import Boto
from localcloud.aws.cloud import Aws
from localcloud.calls import Answer
from localcloud.clock import Clock
from localcloud.store import Store

ROLE = "arn:aws:iam::111122223333:role/r{}"


@pytest.fixture
def boto() -> Boto:
    return Boto("AKIAX", "secret", "eu-west-1")


def test_what_is_sent_and_what_comes_back(boto: Boto) -> None:
    call = boto.request("sqs", "SendMessage", {"QueueUrl": "https://x/q", "MessageBody": "hi"})
    assert (call.method, call.host) == ("POST", "sqs.eu-west-1.amazonaws.com")
    assert json.loads(call.raw)["MessageBody"] == "hi"
    assert "Credential=AKIAX/" in call.headers["authorization"]
    answer = Answer(200, {"MessageId": "m", "MD5OfMessageBody": "49f68a5c8493ec2c0bf489821c21fc3b"})
    params = {"QueueUrl": "https://x/q", "MessageBody": "hi"}
    assert boto.result("sqs", "send_message", params, answer)["MessageId"] == "m"
    refused = Answer(403, {"__type": "AccessDenied", "message": "no"}, {"x-amzn-errortype": "AccessDenied"})
    with pytest.raises(ApiError) as error:
        boto.result("sqs", "send_message", params, refused)
    assert (error.value.code, error.value.message, error.value.status) == ("AccessDenied", "no", 403)


def test_forty_sessions_at_once(tmp_path: Path) -> None:
    """Each asks for a role's policies before its session is made: none waits for another for ever."""

    async def ask() -> list[str]:
        aws = Aws(store, Clock(), tmp_path)
        call = aws.emulator.call
        service = {"Service": "lambda.amazonaws.com", "AWS": "arn:aws:iam::111122223333:root"}
        statement = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        try:
            for number in range(5):
                await call("iam", "create_role", RoleName=f"r{number}", AssumeRolePolicyDocument=trust)
            wanted = [
                call("sts", "assume_role", RoleArn=ROLE.format(number % 5), RoleSessionName=f"s{number}")
                for number in range(40)
            ]
            return [it["AssumedRoleUser"]["Arn"] for it in await asyncio.gather(*wanted)]
        finally:
            await aws.stop()

    store = Store(":memory:")
    try:
        found = asyncio.run(asyncio.wait_for(ask(), 120))
    finally:
        store.close()
    assert [it.rpartition("/")[2] for it in found] == [f"s{number}" for number in range(40)]
    assert found[7] == "arn:aws:sts::111122223333:assumed-role/r2/s7"
