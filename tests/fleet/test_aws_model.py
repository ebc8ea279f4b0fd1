"""What the description says of AWS is what AWS' own service model says (botocore, iot 2015-05-28)."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fleet
from fleet import FleetError
from fleet.constraints import Text
from fleet.description import AccountWide, Audit, Aws, Credentials
from fleet.shapes import ChoiceShape, Field, ListShape, ObjectShape, TextShape, WholeShape, shape_of

SESSION = botocore.session.get_session()
SHAPES: dict[str, dict[str, Any]] = SESSION.get_component("data_loader").load_service_model(
    "iot", "service-2"
)["shapes"]
QUICK = settings(max_examples=100, deadline=None)


def field(cls: type, name: str) -> Field:
    shape = shape_of(cls)
    assert isinstance(shape, ObjectShape)
    return next(each for each in shape.fields if each.name == name)


def in_aws_spelling(words: tuple[str, ...]) -> set[str]:
    return {re.sub("(?<=[a-z])([A-Z])", r"_\1", word).upper() for word in words}


def test_choices_are_aws_choices() -> None:
    events = field(AccountWide, "events").shape
    assert isinstance(events, ListShape)
    assert isinstance(events.item, ChoiceShape)
    assert in_aws_spelling(events.item.options) == set(SHAPES["EventType"]["enum"])
    for cls, name, shape in (
        (Audit, "schedule", "AuditFrequency"),
        (Aws, "certificate_mode", "CertificateMode"),
    ):
        choice = field(cls, name).shape
        assert isinstance(choice, ChoiceShape)
        assert in_aws_spelling(choice.options) == set(SHAPES[shape]["enum"])
    levels = field(AccountWide, "logging").shape
    assert isinstance(levels, ChoiceShape)
    assert in_aws_spelling(levels.options) == set(SHAPES["LogLevel"]["enum"]) - {"DISABLED"}


def test_bounds_are_aws_bounds() -> None:
    seconds = field(Credentials, "seconds").shape
    assert isinstance(seconds, WholeShape)
    model = SHAPES["CredentialDurationSeconds"]
    assert (seconds.bounds.least, seconds.bounds.most) == (model["min"], model["max"])


@QUICK
@given(data=st.data())
def test_what_is_sound_here_is_sound_there(data: st.DataObject) -> None:
    for cls, name, shape in (
        (Credentials, "role_alias", "RoleAlias"),
        (Aws, "account", "AwsAccountId"),
    ):
        form = field(cls, name).shape
        assert isinstance(form, TextShape)
        text = data.draw(st.from_regex(form.text.pattern, fullmatch=True))
        assert re.fullmatch(SHAPES[shape]["pattern"], text)
        assert SHAPES[shape]["min"] <= len(text) <= SHAPES[shape]["max"]


def test_every_region_of_aws_iot_can_be_said() -> None:
    form = field(Aws, "region").shape
    assert isinstance(form, TextShape)
    text: Text = form.text
    regions = [
        region
        for partition in SESSION.get_available_partitions()
        for region in SESSION.get_available_regions("iot", partition)
    ]
    assert len(regions) > 20
    assert [region for region in regions if not text.matches(region)] == []


def faults_of(tags: dict[str, str]) -> list[str]:
    value = {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": {"region": "eu-west-1"},
        "identity": {"root": "certs/root.pem", "issuers": {"oslo": "certs/oslo.pem"}},
        "groups": {"reefers": {"attestation": {"x509": {"issuer": "oslo"}}, "twin": {"tags": tags}}},
    }
    try:
        fleet.load(value, stack="prod")
    except FleetError as error:
        return [fault.path for fault in error.faults]
    return []


letters = st.text("aZ09_.,@/:#=[]-+ *\u00e9", min_size=1, max_size=10)


@QUICK
@given(value=letters)
def test_attribute_values_are_those_that_aws_takes(value: str) -> None:
    sound = re.fullmatch(SHAPES["AttributeValue"]["pattern"], value) is not None
    assert (faults_of({"line": value}) == []) == sound


@QUICK
@given(name=st.text("aZ09_,@/:#=[]-+*\u00e9", min_size=1, max_size=10))
def test_attribute_names_are_those_that_aws_takes(name: str) -> None:
    """A full stop, which AWS would take, can stand in no twin's key."""
    sound = re.fullmatch(SHAPES["AttributeName"]["pattern"], name) is not None
    assert (faults_of({name: "x"}) == []) == sound


@pytest.mark.parametrize("limit", ["TemplateName", "PolicyName", "ThingName"])
def test_limits_of_names_are_as_the_checks_have_them(limit: str) -> None:
    assert SHAPES[limit]["max"] == {"TemplateName": 36, "PolicyName": 128, "ThingName": 128}[limit]
