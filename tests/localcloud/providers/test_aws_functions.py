"""The functions of aws and aws-native."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.providers.aws.functions import FUNCTIONS
from localcloud.providers.aws.plugin import made
from localcloud.providers.aws_native.plugin import made as made_native
from localcloud.providers.boto.settings import Settings
from localcloud.providers.errors import ProviderError
from localcloud.providers.wire import Secret

from .fake_aws import FakeSession

OFFLINE = Settings(region_name="eu-west-1", is_offline=True)


def ask(name: str, arguments: dict[str, Any] | None = None, session: FakeSession | None = None) -> Any:
    (token,) = (it for it in FUNCTIONS if it.endswith(f":{name}"))
    return made(session or FakeSession()).invoke(token, arguments or {})


def test_a_policy_document_is_rendered_as_published() -> None:
    statements = [
        {
            "sid": "one",
            "actions": ["iot:Connect"],
            "resources": ["b", "a"],
            "principals": [{"type": "Service", "identifiers": ["iot.amazonaws.com"]}],
            "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]}],
        },
        {"effect": "Deny", "notActions": ["x", "y"], "principals": [{"type": "*", "identifiers": ["*"]}]},
    ]
    answer = ask("getPolicyDocument", {"statements": statements})
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Action": "iot:Connect",
                "Resource": ["b", "a"],
                "Principal": {"Service": "iot.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
            },
            {"Effect": "Deny", "NotAction": ["y", "x"], "Principal": "*"},
        ],
    }
    assert answer["json"] == json.dumps(document, indent=2)
    assert json.loads(answer["minifiedJson"]) == document


def test_documents_to_merge_are_refused() -> None:
    with pytest.raises(ProviderError, match="sourcePolicyDocuments"):
        ask("getPolicyDocument", {"sourcePolicyDocuments": ["{}"]})


def test_who_and_where() -> None:
    session = FakeSession(get_caller_identity={"Account": "1", "Arn": "arn", "UserId": "u"})
    identity = ask("getCallerIdentity", session=session)
    assert identity == {"accountId": "1", "arn": "arn", "userId": "u", "id": "1"}
    assert ask("getRegion")["region"] == "eu-west-1"
    assert ask("getPartition")["partition"] == "aws"
    assert ask("getRegion", {"region": "cn-north-1"})["endpoint"] == "ec2.cn-north-1.amazonaws.com.cn"


def test_what_iot_says_of_itself() -> None:
    session = FakeSession(
        describe_endpoint={"endpointAddress": "x-ats.iot.eu-west-1.amazonaws.com"},
        get_registration_code={"registrationCode": "c"},
    )
    found = ask("getEndpoint", {"endpointType": "iot:Data-ATS"}, session)
    assert found["endpointAddress"] == "x-ats.iot.eu-west-1.amazonaws.com"
    assert ask("getRegistrationCode", session=session)["registrationCode"] == "c"


def test_parameters_of_all_pages() -> None:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        name = asked.get("NextToken", "/a/1")
        more = {} if "NextToken" in asked else {"NextToken": "/a/2"}
        return {"Parameters": [{"Name": name, "ARN": "arn", "Type": "String", "Value": "v"}], **more}

    found = ask("getParametersByPath", {"path": "/a"}, FakeSession(get_parameters_by_path=answer))
    assert found["names"] == ["/a/1", "/a/2"]
    assert found["values"] == Secret(["v", "v"])


def test_a_parameter_is_a_secret() -> None:
    told = {"Name": "/a", "Type": "SecureString", "Value": "hush", "ARN": "arn", "Version": 1}
    found = ask("getParameter", {"name": "/a"}, FakeSession(get_parameter={"Parameter": told}))
    assert found["value"] == Secret("hush")
    assert "hush" not in repr(found)


def test_nobody_is_asked_offline() -> None:
    session = FakeSession(OFFLINE)
    assert ask("getCallerIdentity", session=session)["accountId"] == "111122223333"
    assert ask("getEndpoint", {"endpointType": "iot:Data-ATS"}, session)["endpointAddress"] == (
        "offline-ats.iot.eu-west-1.amazonaws.com"
    )
    assert ask("getRegistrationCode", session=session)["registrationCode"] == "0" * 64
    assert ask("getParametersByPath", {"path": "/a"}, session)["names"] == []
    assert session.asked == []
    with pytest.raises(ProviderError, match="MUSTER_OFFLINE"):
        ask("getParameter", {"name": "/a"}, session)


def test_the_account_of_an_offline_preview_is_the_allowed_one() -> None:
    settings = Settings(region_name="eu-west-1", is_offline=True, allowed_accounts=("444455556666",))
    assert ask("getCallerIdentity", session=FakeSession(settings))["accountId"] == "444455556666"


def test_what_aws_native_says() -> None:
    plugin = made_native(FakeSession())
    assert plugin.invoke("aws-native:index:getAccountId", {}) == {"accountId": "111122223333"}
    assert plugin.invoke("aws-native:index:getRegion", {}) == {"region": "eu-west-1"}
    assert plugin.invoke("aws-native:index:getPartition", {}) == {"partition": "aws"}
