"""Things, types and billing groups, asked by boto3."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.cloud import Aws
from tests.localcloud.aws.control.refusals import code_of, words_of


def test_a_thing_lives(iot: Any) -> None:
    made = iot.create_thing(thingName="pump-1", attributePayload={"attributes": {"line": "a"}})
    assert made["thingArn"] == "arn:aws:iot:eu-west-1:111122223333:thing/pump-1"
    again = iot.create_thing(thingName="pump-1", attributePayload={"attributes": {"line": "a"}})
    assert again["thingId"] == made["thingId"]
    assert code_of(iot.create_thing, thingName="pump-1") == "ResourceAlreadyExistsException"

    iot.update_thing(thingName="pump-1", attributePayload={"attributes": {"site": "x"}, "merge": True})
    known = iot.describe_thing(thingName="pump-1")
    assert known["attributes"] == {"line": "a", "site": "x"}
    assert (known["version"], known["defaultClientId"]) == (2, "pump-1")
    iot.update_thing(thingName="pump-1", attributePayload={"attributes": {"line": ""}, "merge": True})
    assert iot.describe_thing(thingName="pump-1")["attributes"] == {"site": "x"}
    iot.update_thing(thingName="pump-1", attributePayload={"attributes": {"b": "1"}})
    assert iot.describe_thing(thingName="pump-1")["attributes"] == {"b": "1"}

    update = {"thingName": "pump-1", "attributePayload": {"attributes": {}}, "expectedVersion": 9}
    assert code_of(iot.update_thing, **update) == "VersionConflictException"
    iot.delete_thing(thingName="pump-1")
    iot.delete_thing(thingName="pump-1")
    assert code_of(iot.describe_thing, thingName="pump-1") == "ResourceNotFoundException"


def test_all_faults_of_a_request_in_one_answer(iot: Any) -> None:
    wrong = {"thingName": "no spaces", "attributePayload": {"attributes": {"ä": "x" * 801}}, "other": 1}
    words = words_of(iot.create_thing, **{name: it for name, it in wrong.items() if name != "other"})
    assert words.startswith("3 validation errors detected: ")
    assert "Value 'no spaces' at 'thingName'" in words
    assert "[a-zA-Z0-9:_-]+" in words
    assert "length less than or equal to 800" in words


def test_attributes_without_a_type_are_three(iot: Any) -> None:
    many = {"attributes": {f"a{number}": "x" for number in range(4)}}
    assert code_of(iot.create_thing, thingName="a", attributePayload=many) == "InvalidRequestException"
    iot.create_thing_type(thingTypeName="t")
    iot.create_thing(thingName="a", thingTypeName="t", attributePayload=many)
    assert code_of(iot.update_thing, thingName="a", removeThingType=True) == "InvalidRequestException"


def test_a_type_is_deprecated_before_it_goes(iot: Any) -> None:
    iot.create_thing_type(thingTypeName="t", thingTypeProperties={"thingTypeDescription": "pumps"})
    iot.create_thing(thingName="a", thingTypeName="t")
    assert "not deprecated" in words_of(iot.delete_thing_type, thingTypeName="t")
    iot.deprecate_thing_type(thingTypeName="t")
    assert iot.describe_thing_type(thingTypeName="t")["thingTypeMetadata"]["deprecated"] is True
    assert "deprecated" in words_of(iot.create_thing, thingName="b", thingTypeName="t")
    assert "things of this type" in words_of(iot.delete_thing_type, thingTypeName="t")
    iot.update_thing(thingName="a", removeThingType=True)
    iot.delete_thing_type(thingTypeName="t")
    assert code_of(iot.describe_thing_type, thingTypeName="t") == "ResourceNotFoundException"


def test_things_in_pages_and_by_attribute(iot: Any) -> None:
    for number in range(7):
        iot.create_thing(thingName=f"t-{number}", attributePayload={"attributes": {"line": f"l{number % 2}"}})
    pages = iot.get_paginator("list_things").paginate(PaginationConfig={"PageSize": 3})
    assert [len(it["things"]) for it in pages] == [3, 3, 1]
    found = iot.list_things(attributeName="line", attributeValue="l1")["things"]
    assert [it["thingName"] for it in found] == ["t-1", "t-3", "t-5"]
    assert code_of(iot.list_things, nextToken="ä") == "InvalidRequestException"
    assert code_of(iot.list_things, maxResults=251) == "InvalidRequestException"


def test_billing_groups(iot: Any) -> None:
    iot.create_billing_group(billingGroupName="b", tags=[{"Key": "k", "Value": "v"}])
    iot.create_thing(thingName="a", billingGroupName="b")
    iot.create_thing(thingName="c")
    iot.add_thing_to_billing_group(billingGroupName="b", thingName="c")
    assert iot.list_things_in_billing_group(billingGroupName="b")["things"] == ["a", "c"]
    assert "things in it" in words_of(iot.delete_billing_group, billingGroupName="b")
    iot.remove_thing_from_billing_group(billingGroupName="b", thingName="a")
    iot.delete_thing(thingName="c")
    version = iot.update_billing_group(billingGroupName="b", billingGroupProperties={})["version"]
    assert version == 2
    assert code_of(iot.delete_billing_group, billingGroupName="b", expectedVersion=1) == (
        "VersionConflictException"
    )
    iot.delete_billing_group(billingGroupName="b")
    assert code_of(iot.describe_billing_group, billingGroupName="b") == "ResourceNotFoundException"


def test_principals(iot: Any, aws: Aws) -> None:
    one = iot.create_keys_and_certificate(setAsActive=True)
    for name in ("a", "b"):
        iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName="a", principal=one["certificateArn"])
    assert iot.list_thing_principals(thingName="a")["principals"] == [one["certificateArn"]]
    assert iot.list_principal_things(principal=one["certificateArn"])["things"] == ["a"]
    assert aws.world.things.of_principal(one["certificateId"]) == ["a"]
    exclusive = {"principal": one["certificateArn"], "thingPrincipalType": "EXCLUSIVE_THING"}
    assert code_of(iot.attach_thing_principal, thingName="b", **exclusive) == "InvalidRequestException"
    assert "attached to one or more principals" in words_of(iot.delete_thing, thingName="a")
    iot.detach_thing_principal(thingName="a", principal=one["certificateArn"])
    iot.attach_thing_principal(thingName="b", **exclusive)
    shared = {"thingName": "a", "principal": one["certificateArn"]}
    assert code_of(iot.attach_thing_principal, **shared) == "InvalidRequestException"
    unknown = one["certificateArn"][:-4] + "0000"
    assert code_of(iot.attach_thing_principal, thingName="a", principal=unknown) == (
        "ResourceNotFoundException"
    )
    with pytest.raises(ClientError, match="ARN of a certificate"):
        iot.attach_thing_principal(thingName="a", principal="somebody")


def test_what_is_not_served_is_named(iot: Any) -> None:
    with pytest.raises(ClientError, match=r"does not serve iot:CreateFleetMetric"):
        iot.create_fleet_metric(
            metricName="m",
            queryString="*",
            aggregationType={"name": "Statistics"},
            period=60,
            aggregationField="x",
        )
