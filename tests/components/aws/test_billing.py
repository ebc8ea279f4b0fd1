"""Billing groups: what is told by them, who is put in, and who may do that."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certs import issue
from certs.chain import load_certificate
from certs.store import KeyStore
from fleet import load
from tests.components import aws_answers

Declare = Callable[..., Any]
ARN = f"arn:aws:iot:eu-west-1:{aws_answers.ACCOUNT}:"
BILLED = "coldchain-reefers"


def _program(declare: Declare, pki: Path, enrolment: dict[str, Any], **more: Any) -> Any:
    issuer = load_certificate(pki / "oslo.pem")
    signer = KeyStore(pki / "keys", b"a passphrase for tests").signer_for(issuer)
    leaf = issue.issue_device(signer, issuer, "claim").certificate
    group = {
        "attestation": {"x509": {"issuer": "oslo"}},
        "aws": {"enrolment": enrolment, "billingGroup": True},
        **more,
    }
    description = {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": {"region": "eu-west-1", "account": aws_answers.ACCOUNT},
        "identity": {"root": "pki/root.pem", "issuers": {"oslo": "pki/oslo.pem"}},
        "groups": {"reefers": group},
    }
    return declare(load(description, file="Pulumi.prod.yaml"), certificates={"q4.pem": leaf})


def _statements(program: Any) -> list[dict[str, Any]]:
    policies = program.of("aws:iam/rolePolicy:RolePolicy")
    return [one for each in policies for one in json.loads(each.inputs["policy"])["Statement"]]


@pytest.mark.parametrize(
    ("enrolment", "more"),
    [
        ({"jitr": {}}, {}),
        ({"jitp": {}}, {}),
        ({"claim": {"certificates": {"q4": "q4.pem"}}}, {"twin": {"desired": {"s": 5}}}),
    ],
    ids=["jitr", "jitp", "claim"],
)
def test_things_of_a_group_are_in_its_billing_group(
    declare: Declare, pki: Path, enrolment: dict[str, Any], more: dict[str, Any]
) -> None:
    program = _program(declare, pki, enrolment, **more)
    billing = program.one("aws:iot/billingGroup:BillingGroup")
    assert billing.inputs["name"] == BILLED
    assert billing.inputs["tags"] == {"muster-fleet": "coldchain", "muster-billing-group": BILLED}
    for template in program.of("aws:iot/provisioningTemplate:ProvisioningTemplate"):
        thing = json.loads(template.inputs["templateBody"])["Resources"]["thing"]
        assert thing["Properties"]["BillingGroup"] == BILLED
        assert billing.urn in template.depends_on
    for function in program.of("aws:lambda/function:Function"):
        assets = function.inputs["code"].assets
        (told,) = [json.loads(each.text) for name, each in assets.items() if name.endswith("settings.json")]
        assert told["billing_group"] == BILLED


def test_who_registers_may_put_things_in_that_one_alone(declare: Declare, pki: Path) -> None:
    for enrolment in ("jitr", "jitp"):
        found = _statements(_program(declare, pki, {enrolment: {}}))
        put = [one for one in found if "iot:AddThingToBillingGroup" in one["Action"]]
        assert [one["Resource"] for one in put] == [[f"{ARN}thing/*", f"{ARN}billinggroup/{BILLED}"]]
        make = [one for one in found if "iot:CreateThing" in one["Action"]]
        assert f"{ARN}billinggroup/{BILLED}" in make[0]["Resource"]
