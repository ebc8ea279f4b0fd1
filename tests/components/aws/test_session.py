"""Credentials of AWS that are missing, expired or of another account: told before anything is declared."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from fleet import Fleet, load
from tests.components import aws_answers

Declare = Callable[..., Any]
NONE = "No valid credential sources found"
EXPIRED = "ExpiredToken: The security token included in the request is expired"


def _fleet(**aws: Any) -> Fleet:
    description = {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": {"region": "eu-west-1", **aws},
        "identity": {"root": "pki/root.pem", "issuers": {"oslo": "pki/oslo.pem"}},
        "groups": {"reefers": {"attestation": {"x509": {"issuer": "oslo"}}}},
    }
    return load(description, file="Pulumi.prod.yaml")


@pytest.mark.parametrize("why", [NONE, EXPIRED])
@pytest.mark.parametrize("named", [{}, {"account": aws_answers.ACCOUNT}], ids=["any", "named"])
def test_credentials_that_cannot_be_used(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, why: str, named: dict[str, str]
) -> None:
    asked: list[str] = []

    def refused(token: str, *_: object) -> None:
        asked.append(token)
        raise aws_answers.RefusedError(why)

    monkeypatch.setattr(aws_answers, "call", refused)
    words = rf"nothing was changed: the AWS credentials cannot be used .*{why}.*aws sso login.*AWS_PROFILE"
    with pytest.raises(pulumi.RunError, match=words):
        declare(_fleet(**named))
    assert asked == ["aws:index/getCallerIdentity:getCallerIdentity"], "nothing else is asked, nothing made"


def test_of_another_account(declare: Declare) -> None:
    words = "those of account 111122223333, the description says 999988887777"
    with pytest.raises(pulumi.RunError, match=words):
        declare(_fleet(account="999988887777"))
    assert declare(_fleet()).outputs["aws"]["account"] == aws_answers.ACCOUNT
