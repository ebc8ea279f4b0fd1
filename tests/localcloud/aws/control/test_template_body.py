"""The language of provisioning templates, function by function, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.iot import template_body
from localcloud.aws.iot.certificate_names import parameters_of
from localcloud.aws.iot.template_functions import CERTIFICATE_ID, Surroundings, TemplateError, value_of

CERTIFICATE = "c" * 64


def body(**changes: Any) -> dict[str, Any]:
    """A fleet provisioning template like the developer guide's."""
    return {
        "Parameters": {"SerialNumber": {"Type": "String"}, "Place": {"Type": "String", "Default": "WA"}},
        "Mappings": {"Urls": {"WA": {"url": "https://wa.example"}, "OR": {"url": "https://or.example"}}},
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": {"Fn::Join": ["-", ["pump", {"Ref": "SerialNumber"}]]},
                    "AttributePayload": {"serial": {"Ref": "SerialNumber"}, "version": "v1"},
                    "ThingTypeName": "pump",
                    "ThingGroups": ["pumps", {"Ref": "Place"}],
                    "BillingGroup": "plant",
                },
                "OverrideSettings": {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE"},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": "Active"},
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "pumps"}},
        },
        "DeviceConfiguration": {"url": {"Fn::FindInMap": ["Urls", {"Ref": "Place"}, "url"]}},
        **changes,
    }


def read(document: object, *, is_fleet: bool = True) -> template_body.Template:
    return template_body.read(json.dumps(document), is_fleet=is_fleet)


def test_a_fleet_template_comes_to_a_plan() -> None:
    found = template_body.plan(read(body()), {"SerialNumber": "7", CERTIFICATE_ID: CERTIFICATE, "More": "x"})
    assert found.thing is not None
    assert found.certificate is not None
    assert (found.thing.name, found.thing.type_name, found.thing.billing_group) == ("pump-7", "pump", "plant")
    assert found.thing.attributes == {"serial": "7", "version": "v1"}
    assert found.thing.groups == ("pumps", "WA")
    assert found.thing.overrides == {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE"}
    assert (found.certificate.id, found.certificate.status) == (CERTIFICATE, "ACTIVE")
    assert [it.name for it in found.policies] == ["pumps"]
    assert found.configuration == {"url": "https://wa.example"}


def test_given_values_come_before_defaults() -> None:
    given_values = {"SerialNumber": "7", "Place": "OR", CERTIFICATE_ID: CERTIFICATE}
    found = template_body.plan(read(body()), given_values)
    assert found.configuration == {"url": "https://or.example"}


def test_a_parameter_without_value_is_named() -> None:
    with pytest.raises(TemplateError, match="'SerialNumber' has no value and no default"):
        template_body.plan(read(body()), {CERTIFICATE_ID: CERTIFICATE})


AROUND = Surroundings({"A": "a,b,c", "N": "1"}, {"M": {"k": {"one": "1", "many": ["x", "y"]}}})


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("plain", "plain"),
        (7, 7),
        ({"Ref": "A"}, "a,b,c"),
        ({"Fn::Split": [",", {"Ref": "A"}]}, ["a", "b", "c"]),
        ({"Fn::Select": ["1", {"Fn::Split": [",", {"Ref": "A"}]}]}, "b"),
        ({"Fn::Select": [0, ["x"]]}, "x"),
        ({"Fn::Join": ["", []]}, ""),
        ({"Fn::Join": ["/", ["x", {"Ref": "N"}]]}, "x/1"),
        ({"Fn::Sub": "<${N}> ${!N}"}, "<1> ${N}"),
        ({"Fn::Sub": ["${N}${own}", {"own": {"Ref": "A"}}]}, "1a,b,c"),
        ({"Fn::FindInMap": ["M", "k", "one"]}, "1"),
        ({"Fn::Select": [1, {"Fn::FindInMap": ["M", "k", "many"]}]}, "y"),
        ({"a": [{"Ref": "N"}]}, {"a": ["1"]}),
    ],
)
def test_a_function_comes_to(node: object, expected: object) -> None:
    assert value_of(node, AROUND, "x") == expected


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"Ref": "B"}, "not declared"),
        ({"Ref": 7}, "name of a parameter"),
        ({"Ref": "A", "x": 1}, "stands alone"),
        ({"Fn::Join": ["x"]}, "Fn::Join takes"),
        ({"Fn::Join": ["", ["x", 1]]}, "Fn::Join takes"),
        ({"Fn::Split": ["", "x"]}, "delimiter not empty"),
        ({"Fn::Select": [1, ["x"]]}, "finds nothing at 1"),
        ({"Fn::Select": [0, [None]]}, "finds nothing at 0"),
        ({"Fn::Select": [-1, ["x"]]}, "index of 0 or more"),
        ({"Fn::Select": [True, ["x", "y"]]}, "index of 0 or more"),
        ({"Fn::Sub": ["x"]}, "Fn::Sub takes"),
        ({"Fn::Sub": "${B}"}, "not declared"),
        ({"Fn::Sub": ["${own}", {"own": ["x"]}]}, "puts in texts"),
        ({"Fn::FindInMap": ["M", "k"]}, "Fn::FindInMap takes"),
        ({"Fn::FindInMap": ["M", "k", "none"]}, "finds no 'none'"),
        ({"Fn::GetAtt": ["thing", "Arn"]}, "no function of provisioning templates"),
        ({"Fn:Join": ["", []]}, "no function of provisioning templates"),
    ],
)
def test_a_function_refuses(node: object, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        value_of(node, AROUND, "x")


def changed(path: str, value: object) -> dict[str, Any]:
    """The template with one member replaced."""
    document: dict[str, Any] = json.loads(json.dumps(body()))
    *parents, last = path.split("/")
    place = document
    for name in parents:
        place = place[name]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("Outputs", {}, "what can stand there"),
        ("Parameters/SerialNumber", {"Type": "Number"}, "Type must be String"),
        ("Parameters/SerialNumber", {"Type": "String", "Default": 1}, "Default must be a text"),
        ("Mappings/Urls/WA/url", {"Ref": "Place"}, "must be a value"),
        ("Resources", {}, "a resource at least"),
        ("Resources/thing/Type", "AWS::IoT::ThingGroup", "Type must be one of"),
        (
            "Resources/other",
            {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "x"}},
            "one AWS::IoT::Thing",
        ),
        ("Resources/thing/Properties/Colour", "red", "what can stand there"),
        ("Resources/thing/Properties", {"ThingTypeName": "x"}, "ThingName is required"),
        ("Resources/thing/OverrideSettings/AttributePayload", "DROP", "must be one of DO_NOTHING"),
        ("Resources/thing/OverrideSettings/ThingTypeName", "MERGE", "must be one of DO_NOTHING"),
        ("Resources/policy/OverrideSettings", {"PolicyName": "FAIL"}, "what can stand there"),
        ("Resources/policy/Properties", {}, "needs PolicyName or PolicyDocument"),
        ("Resources/certificate/Properties/CertificateSigningRequest", "x", "exactly one of"),
        ("Resources/certificate/Properties", {"CertificatePem": "x"}, "by CertificateId only"),
        ("Resources/thing/Properties/ThingName", {"Ref": "thing"}, "not declared"),
        ("DeviceConfiguration/url", {"Fn::Sub": "${Nothing}"}, "not declared"),
    ],
)
def test_a_template_with_a_fault_is_refused(path: str, value: object, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        read(changed(path, value))


@pytest.mark.parametrize("section", ["Mappings", "DeviceConfiguration"])
def test_other_templates_have_no_sections_of_fleet_provisioning(section: str) -> None:
    document = {
        "Resources": {"p": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "x"}}},
        section: {},
    }
    with pytest.raises(TemplateError, match=section):
        read(document, is_fleet=False)


def test_other_templates_have_no_functions() -> None:
    thing = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Fn::Join": ["", ["a", "b"]]}}}
    template = read({"Resources": {"thing": thing}}, is_fleet=False)
    with pytest.raises(TemplateError, match="for fleet provisioning"):
        template_body.plan(template, {})


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', "{", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        template_body.read(text, is_fleet=True)


def test_deep_nesting_is_refused() -> None:
    node: object = "x"
    for _ in range(50):
        node = [node]
    with pytest.raises(TemplateError, match="nested deeper"):
        read(changed("DeviceConfiguration/url", node))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Ref", "Fn::Join", "Fn::Sub", "Fn::Select", "Fn::Split", "Fn::FindInMap", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_a_template_holds_it_comes_to_a_value_or_a_refusal(node: object) -> None:
    try:
        found = value_of(node, AROUND, "x")
    except TemplateError:
        return
    json.dumps(found)


@given(st.dictionaries(st.sampled_from(["Parameters", "Resources", "Mappings", "DeviceConfiguration"]), JSON))
def test_whatever_a_body_holds_it_is_read_or_refused(document: dict[str, Any]) -> None:
    try:
        template = read(document)
        template_body.plan(template, {})
    except TemplateError:
        return


@given(st.lists(st.text(alphabet="ab,", min_size=1), min_size=1), st.sampled_from(["|", ";;"]))
def test_split_undoes_join(parts: list[str], delimiter: str) -> None:
    joined = {"Fn::Join": [delimiter, parts]}
    assert value_of({"Fn::Split": [delimiter, joined]}, AROUND, "x") == parts


def test_a_certificate_gives_parameters() -> None:
    oid = x509.NameOID
    subject = [
        x509.NameAttribute(oid.COMMON_NAME, "pump-7"),
        x509.NameAttribute(oid.COUNTRY_NAME, "NO"),
        x509.NameAttribute(oid.SERIAL_NUMBER, "SN-7"),
    ]
    assert parameters_of(certificate_of(subject), CERTIFICATE) == {
        CERTIFICATE_ID: CERTIFICATE,
        "AWS::IoT::Certificate::CommonName": "pump-7",
        "AWS::IoT::Certificate::Country": "NO",
        "AWS::IoT::Certificate::SerialNumber": "SN-7",
    }


def certificate_of(subject: list[x509.NameAttribute[str]]) -> x509.Certificate:
    """A self-signed certificate."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name(subject)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(began)
    return builder.not_valid_after(began + timedelta(days=9)).sign(key, hashes.SHA256())
