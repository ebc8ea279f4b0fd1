"""Names that AWS takes, and that stay apart."""

import json
import re

import pytest

from components.aws import names, provisioning_template


def test_names_that_fit_stay_as_they_are() -> None:
    assert names.group("coldchain", "reefers") == "coldchain-reefers"
    assert names.scoped("coldchain", "prod", "reefers", "hook") == "coldchain-prod-reefers-hook"
    assert names.rules("coldchain", "prod", "reefers_a") == "coldchain_prod_reefers__a"
    assert names.rule("coldchain", "prod", ["telemetry"], "doors") == "coldchain_prod_telemetry_doors"


@pytest.mark.parametrize("what", ["x" * 64, "x" * 65, "a:b", "a.b", "a b"])
def test_others_are_cut_and_end_in_a_digest(what: str) -> None:
    made = names.scoped("coldchain", "prod", what)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", made)
    assert made != names.scoped("coldchain", "prod", f"{what}b")
    assert re.fullmatch(r"[A-Za-z0-9_]{1,128}", names.rules("coldchain", "prod", what))


@pytest.mark.parametrize("stack", ["prod", "production_eu-north", "p" * 100, "a.b"])
@pytest.mark.parametrize("family", [["telemetry"], ["reefers-" * 14 + "x", "registered"], ["a.b_c"]])
@pytest.mark.parametrize("one", ["doors", "_" * 60, "engine/" * 30 + "x", "factory-oslo"])
def test_the_names_of_a_stack_begin_alike_however_long_they_are(
    stack: str, family: list[str], one: str
) -> None:
    fleet = "coldchain-scandinavia-and-baltic"
    made = names.rule(fleet, stack, family, one)
    assert re.fullmatch(r"[A-Za-z0-9_]{1,128}", made)
    assert made.startswith(f"{names.rules(fleet, stack, *family)}_")
    assert made.startswith(f"{names.rules(fleet, stack)}_")
    assert made != names.rule(fleet, stack, family, f"{one}b")
    scoped = names.scoped(fleet, stack, *family, one)
    assert scoped.startswith(f"{names.scoped(fleet, stack)}-")
    assert scoped != names.scoped(fleet, stack, *family, f"{one}b")


def test_a_devices_policy_is_no_groups_policy() -> None:
    made = {names.device("a", "b:c"), names.group("a", "b"), names.part(names.group("a", "b"), "receive")}
    assert made == {"a.b=c", "a-b", "a-b.receive"}
    assert all(re.fullmatch(r"[\w+=,.@-]{1,128}", each) for each in made)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-isob-east-1", "aws-iso-b"),
    ],
)
def test_a_region_is_in_its_partition(region: str, partition: str) -> None:
    assert names.partition(region) == partition


REGISTERED: provisioning_template.Registered = {
    "thing_type": "coldchain-reefers",
    "thing_group": "coldchain-reefers",
    "policies": ["coldchain-reefers", "coldchain-reefers.receive"],
    "attributes": {"line": "reefer"},
    "billing_group": "coldchain-reefers",
}


def test_a_template_takes_the_name_from_the_certificate_or_from_the_claim() -> None:
    jitp = json.loads(provisioning_template.by_certificate(REGISTERED))
    claim = json.loads(provisioning_template.by_claim(REGISTERED))
    name = "AWS::IoT::Certificate::CommonName"
    assert jitp["Resources"]["thing"]["Properties"]["ThingName"] == {"Ref": name}
    assert claim["Resources"]["thing"]["Properties"]["ThingName"] == {"Ref": "SerialNumber"}
    for template in (jitp, claim):
        resources = template["Resources"]
        assert resources["certificate"]["Properties"] == {
            "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
            "Status": "ACTIVE",
        }
        policies = [each for each in resources.values() if each["Type"] == "AWS::IoT::Policy"]
        assert [each["Properties"] for each in policies] == [
            {"PolicyName": name} for name in REGISTERED["policies"]
        ]
        assert resources["thing"]["Properties"]["BillingGroup"] == "coldchain-reefers"


def test_the_local_cloud_takes_the_templates() -> None:
    from localcloud.aws.iot import template_body

    jitp = template_body.read(provisioning_template.by_certificate(REGISTERED), is_fleet=False)
    made = template_body.plan(
        jitp, {"AWS::IoT::Certificate::CommonName": "van-1", "AWS::IoT::Certificate::Id": "ab" * 32}
    )
    assert made.thing is not None
    assert (made.thing.name, made.thing.groups) == ("van-1", ("coldchain-reefers",))
    assert made.thing.billing_group == "coldchain-reefers"
    assert [each.name for each in made.policies] == REGISTERED["policies"]
    template_body.read(provisioning_template.by_claim(REGISTERED), is_fleet=True)
