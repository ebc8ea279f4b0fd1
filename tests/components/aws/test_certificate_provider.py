"""Who signs certificates in an account: a function that is there, for one provider, after the mark."""

import pulumi
import pytest
from pulumi_aws import ssm

from components.aws.certificate_provider import CertificateProvider
from tests.components.aws.engine import IOT, PLACE, Engine, run

PERMISSION = "aws:lambda/permission:Permission"
PROVIDER = "aws-native:iot:CertificateProvider"
ARN = "arn:aws:lambda:eu-west-1:111122223333:function:sign"


def declared(function: str = "sign") -> Engine:
    def program() -> None:
        mark = ssm.Parameter("mark", type="String", insecure_value="coldchain-prod")
        opts = pulumi.ResourceOptions(depends_on=[mark])
        tags = {"muster-fleet": "coldchain"}
        args = {"place": PLACE, "function": function, "tags": tags}
        CertificateProvider("coldchain-certificates", args, opts)  # type: ignore[arg-type]  # a literal

    return run(program)


@pytest.mark.parametrize("function", ["sign", ARN])
def test_the_function_signs_csrs_and_nothing_else(function: str) -> None:
    provider = declared(function).one(PROVIDER).inputs
    assert provider == {
        "certificateProviderName": "coldchain-prod",
        "accountDefaultForOperations": ["CreateCertificateFromCsr"],
        "lambdaFunctionArn": ARN,
        "tags": [{"key": "muster-fleet", "value": "coldchain"}],
    }


def test_aws_iot_may_call_it_for_this_provider_of_this_account_alone() -> None:
    permission = declared().one(PERMISSION).inputs
    assert permission == {
        "statementId": "coldchain-prod-certificates",
        "action": "lambda:InvokeFunction",
        "function": ARN,
        "principal": "iot.amazonaws.com",
        "sourceAccount": "111122223333",
        "sourceArn": f"{IOT}:certificateprovider/coldchain-prod",
    }


def test_nothing_is_made_before_the_mark_and_no_provider_before_it_may_call() -> None:
    engine = declared()
    mark, permission = engine.one("aws:ssm/parameter:Parameter"), engine.one(PERMISSION)
    provider = engine.one(PROVIDER)
    assert mark.urn in permission.depends_on
    assert {mark.urn, permission.urn} <= provider.depends_on
