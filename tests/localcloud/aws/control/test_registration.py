"""RegisterThing: what a template comes to in the registry, what overrides do; nothing is half made."""

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.aws.api import ApiError
from localcloud.aws.cloud import Aws
from localcloud.aws.iot.template_functions import CERTIFICATE_ID
from tests.localcloud.aws.control.refusals import code_of

Client = Any
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:eu-west-1:1:client/x"}
    ],
}


def csr(name: str = "pump-7") -> str:
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "NO"),
        ]
    )
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def bulk_body(**overrides: str) -> str:
    """A template for registration over HTTP, with a CSR."""
    names = ("ThingName", "CSR", "Colour", "Type", "Group")
    thing = {
        "ThingName": {"Ref": "ThingName"},
        "AttributePayload": {"colour": {"Ref": "Colour"}},
        "ThingTypeName": {"Ref": "Type"},
        "ThingGroups": [{"Ref": "Group"}],
    }
    return json.dumps(
        {
            "Parameters": {name: {"Type": "String"} for name in names},
            "Resources": {
                "thing": {"Type": "AWS::IoT::Thing", "Properties": thing, "OverrideSettings": overrides},
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {"CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"},
                },
                "policy": {
                    "Type": "AWS::IoT::Policy",
                    "Properties": {"PolicyDocument": json.dumps(POLICY)},
                },
            },
        }
    )


@pytest.fixture
def stocked(iot: Client) -> Client:
    """A registry with types and groups to register into."""
    for name in ("pump", "fan"):
        iot.create_thing_type(thingTypeName=name)
    for name in ("north", "south"):
        iot.create_thing_group(thingGroupName=name)
    return iot


def register(iot: Client, body: str, **changes: str) -> dict[str, Any]:
    given = {
        "ThingName": "pump-7",
        "CSR": csr(),
        "Colour": "red",
        "Type": "pump",
        "Group": "north",
        **changes,
    }
    made: dict[str, Any] = iot.register_thing(templateBody=body, parameters=given)
    return made


def test_everything_is_made_and_tied_together(stocked: Client) -> None:
    made = register(stocked, bulk_body())
    arns = made["resourceArns"]
    assert set(arns) == {"thing", "certificate", "policy"}
    thing = stocked.describe_thing(thingName="pump-7")
    assert (thing["thingTypeName"], thing["attributes"]) == ("pump", {"colour": "red"})
    assert stocked.list_thing_principals(thingName="pump-7")["principals"] == [arns["certificate"]]
    groups = stocked.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"]
    assert [it["groupName"] for it in groups] == ["north"]
    attached = stocked.list_attached_policies(target=arns["certificate"])["policies"]
    assert [it["policyArn"] for it in attached] == [arns["policy"]]
    shown = stocked.describe_certificate(certificateId=arns["certificate"].rpartition("/")[2])
    assert shown["certificateDescription"]["status"] == "ACTIVE"
    assert made["certificatePem"] == shown["certificateDescription"]["certificatePem"]


@pytest.mark.parametrize(
    ("overrides", "attributes", "type_name", "groups"),
    [
        ({}, None, None, None),
        ({"AttributePayload": "REPLACE"}, None, None, None),
        (
            {"AttributePayload": "REPLACE", "ThingTypeName": "REPLACE", "ThingGroups": "REPLACE"},
            {"colour": "blue"},
            "fan",
            ["south"],
        ),
        (
            {"AttributePayload": "MERGE", "ThingTypeName": "DO_NOTHING", "ThingGroups": "MERGE"},
            {"colour": "blue", "age": "1"},
            "pump",
            ["north", "south"],
        ),
        (
            {"AttributePayload": "DO_NOTHING", "ThingTypeName": "DO_NOTHING", "ThingGroups": "DO_NOTHING"},
            {"colour": "red", "age": "1"},
            "pump",
            ["north"],
        ),
    ],
)
def test_overrides_decide_about_a_thing_that_exists(
    stocked: Client,
    overrides: dict[str, str],
    attributes: dict[str, str] | None,
    type_name: str | None,
    groups: list[str] | None,
) -> None:
    register(stocked, bulk_body())
    stocked.update_thing(thingName="pump-7", attributePayload={"attributes": {"age": "1"}, "merge": True})
    changes = {"Colour": "blue", "Type": "fan", "Group": "south"}
    if attributes is None:
        assert code_of(register, stocked, bulk_body(**overrides), **changes) == "ResourceConflictsException"
        assert len(stocked.list_certificates()["certificates"]) == 1
        return
    register(stocked, bulk_body(**overrides), **changes)
    thing = stocked.describe_thing(thingName="pump-7")
    held = stocked.list_thing_groups_for_thing(thingName="pump-7")["thingGroups"]
    assert (thing["attributes"], thing["thingTypeName"]) == (attributes, type_name)
    assert [it["groupName"] for it in held] == groups


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Type": "none"}, "ResourceNotFoundException"),
        ({"Group": "none"}, "ResourceNotFoundException"),
        ({"CSR": "no request"}, "InvalidRequestException"),
        ({"ThingName": ""}, "InvalidRequestException"),
        ({"ThingName": "a b"}, "InvalidRequestException"),
        ({"Colour": "green green"}, "InvalidRequestException"),
    ],
)
def test_what_cannot_be_made_leaves_nothing(stocked: Client, changes: dict[str, str], code: str) -> None:
    assert code_of(register, stocked, bulk_body(), **changes) == code
    assert stocked.list_things()["things"] == []
    assert stocked.list_certificates()["certificates"] == []
    assert stocked.list_policies()["policies"] == []


FLEET = json.dumps(
    {
        "Parameters": {"Serial": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Fn::Sub": "pump-${Serial}"}}},
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": "ACTIVE"},
            },
        },
        "DeviceConfiguration": {"of": {"Ref": "Serial"}},
    }
)


def test_fleet_provisioning_activates_the_device_s_own_certificate(aws: Aws) -> None:
    certificate = aws.world.certificates.issue(csr(), "PENDING_ACTIVATION")
    other = aws.world.certificates.issue(csr("other"), "PENDING_ACTIVATION")
    sent = {"Serial": "7", CERTIFICATE_ID: other.id}
    made = aws.world.registration.register(FLEET, sent, certificate, is_fleet=True)
    assert (made.thing_name, made.configuration) == ("pump-7", {"of": "7"})
    assert made.certificate is not None
    assert (made.certificate.id, made.certificate.status) == (certificate.id, "ACTIVE")
    assert aws.world.things.of_principal(certificate.id) == ["pump-7"]
    assert aws.world.certificates.require(other.id).status == "PENDING_ACTIVATION"


def test_a_template_that_names_another_certificate_is_refused(aws: Aws) -> None:
    certificate = aws.world.certificates.issue(csr(), "PENDING_ACTIVATION")
    other = aws.world.certificates.issue(csr("other"), "PENDING_ACTIVATION")
    body = FLEET.replace(CERTIFICATE_ID, "Serial")
    with pytest.raises(ApiError, match="the device's own certificate"):
        aws.world.registration.register(body, {"Serial": other.id}, certificate, is_fleet=True)


def test_an_inactive_certificate_is_not_activated_by_the_way(aws: Aws) -> None:
    certificate = aws.world.certificates.issue(csr(), "INACTIVE")
    made = aws.world.registration.register(FLEET, {"Serial": "7"}, certificate, is_fleet=True)
    assert made.certificate is not None
    assert made.certificate.status == "INACTIVE"


def jitp_body(name: str) -> str:
    names = (f"AWS::IoT::Certificate::{name}", CERTIFICATE_ID)
    return json.dumps(
        {
            "Parameters": {it: {"Type": "String"} for it in names},
            "Resources": {
                "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": names[0]}}},
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": "ACTIVE"},
                    "OverrideSettings": {"Status": "DO_NOTHING"},
                },
            },
        }
    )


def test_just_in_time_provisioning_reads_the_subject(aws: Aws) -> None:
    certificate = aws.world.certificates.issue(csr(), "PENDING_ACTIVATION")
    made = aws.world.registration.register(jitp_body("CommonName"), {}, certificate)
    assert made.thing_name == "pump-7"
    assert made.certificate is not None
    assert made.certificate.status == "ACTIVE"


def test_a_subject_without_the_parameter_s_name_fails(aws: Aws) -> None:
    certificate = aws.world.certificates.issue(csr(), "PENDING_ACTIVATION")
    with pytest.raises(ApiError, match="SerialNumber' has no value"):
        aws.world.registration.register(jitp_body("SerialNumber"), {}, certificate)
    assert aws.world.things.all() == []
