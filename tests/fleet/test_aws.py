"""A fleet on AWS: what a sound description becomes, limits too high for a file, and names at their edges."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fleet
from fleet import FleetError
from fleet.description import AUDIT_CHECKS, Claim, Jitp, Jitr, OnAws, Permissions, Queue, Stream, Telemetry

Value = dict[str, Any]
QUICK = settings(max_examples=60, deadline=None)


def on_aws() -> Value:
    return {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": {},
        "identity": {"root": "certs/root.pem", "issuers": {"oslo": "certs/oslo.pem"}},
        "groups": {"reefers": {"attestation": {"x509": {"issuer": "oslo"}}}},
    }


def loaded(value: Value, region: str | None = "eu-west-1") -> fleet.Fleet:
    return fleet.load(value, stack="prod", location="westeurope", region=region)


def faults_of(value: Value, region: str | None = "eu-west-1") -> list[tuple[str, str, str]]:
    try:
        loaded(value, region)
    except FleetError as error:
        return [(fault.path, fault.wrong, fault.right) for fault in error.faults]
    return []


def test_the_least_on_aws() -> None:
    result = loaded(on_aws())
    group = result.groups["reefers"]
    assert result.azure is None
    assert group.allocation is None
    assert (result.on_aws.region, result.on_aws.account, result.on_aws.account_wide) == (
        "eu-west-1",
        None,
        None,
    )
    assert (result.on_aws.certificate_mode, result.on_aws.minimum_tls) == ("default", "1.2")
    assert group.clouds == ("aws",)
    assert group.on_aws.enrolment == Jitr(allow="any")
    assert group.on_aws.permissions == Permissions(
        publish=("telemetry",), subscribe=("commands",), jobs=False
    )


def test_a_group_is_where_the_fleet_is_unless_it_says_otherwise(sound: Value) -> None:
    sound |= {"clouds": ["azure", "aws"], "aws": {}}
    reefers = sound["groups"].pop("reefers")
    reefers["twin"]["desired"].pop("modes")
    identity = sound["identity"]["issuers"]
    identity["bergen"] = "certs/bergen.pem"
    aws_only = {"clouds": ["aws"], "attestation": {"x509": {"issuer": "bergen"}}}
    sound["groups"] = {"both": reefers, "one": aws_only, "other": {**reefers, "clouds": ["azure"]}}
    sound["groups"]["other"]["attestation"] = {"x509": {"issuer": "bergen"}}
    result = loaded(sound)
    assert {key: group.clouds for key, group in result.groups.items()} == {
        "both": ("azure", "aws"),
        "one": ("aws",),
        "other": ("azure",),
    }
    assert result.groups["both"].on_hubs.hubs == ("eu-1", "eu-2")
    with pytest.raises(LookupError, match="not on aws"):
        _ = result.groups["other"].on_aws
    with pytest.raises(LookupError, match="not on azure"):
        _ = result.groups["one"].on_hubs


def test_what_is_not_there_cannot_be_asked_for(sound: Value) -> None:
    with pytest.raises(LookupError, match="not on aws"):
        _ = loaded(sound).on_aws
    with pytest.raises(LookupError, match="not on azure"):
        _ = loaded(on_aws()).on_azure


def test_region_comes_from_the_stack_or_from_the_fleet(tmp_path: Path) -> None:
    value = on_aws()
    right = "set aws:region beside muster:fleet in the stack's config"
    assert faults_of(value, None) == [("aws.region", "no AWS region", right)]
    value["aws"]["region"] = "eu-north-1"
    assert loaded(value, None).on_aws.region == "eu-north-1"
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(
        "config:\n  aws:region: us-gov-west-1\n  muster:fleet:\n    name: coldchain\n    clouds: [aws]\n"
        "    aws: {}\n    identity: {root: r.pem, issuers: {oslo: o.pem}}\n"
        "    groups: {reefers: {attestation: {x509: {issuer: oslo}}}}\n"
    )
    assert fleet.load_stack(file).on_aws.region == "us-gov-west-1"


def test_kinds_and_names() -> None:
    value = on_aws()
    value["identity"]["issuers"] = {"oslo": "o.pem", "bergen": "b.pem"}
    value["aws"] |= {
        "telemetry": {"target": {"stream": {}}},
        "credentials": {"uploads": "coldchain-logs"},
        "accountWide": {"audit": {}},
    }
    claim = {"claim": {"certificates": {"q4": "claims/q4.pem"}}}
    value["groups"] = {
        "jitp": {"attestation": {"x509": {"issuer": "oslo"}}, "aws": {"enrolment": {"jitp": {}}}},
        "claim": {"attestation": {"x509": {"issuer": "bergen"}}, "aws": {"enrolment": claim}},
    }
    value["enrollments"] = {"bench:1": {"attestation": {"x509": {"certificate": "bench.pem"}}}}
    result = loaded(value)
    aws = result.on_aws
    assert aws.telemetry is not None
    assert (aws.telemetry.topics, aws.telemetry.target) == (("telemetry",), Stream(shards=1))
    assert aws.credentials is not None
    assert aws.credentials.role_alias == "coldchain-prod-devices"
    assert aws.account_wide is not None
    assert aws.account_wide.audit is not None
    assert (aws.account_wide.indexing, aws.account_wide.logging) == (True, None)
    assert aws.account_wide.audit.checks == AUDIT_CHECKS
    assert result.groups["jitp"].on_aws.enrolment == Jitp()
    expected = Claim(certificates={"q4": "claims/q4.pem"}, allow="registered", limit=None, renews=False)
    assert result.groups["claim"].on_aws.enrolment == expected
    assert result.enrollments["bench:1"].on_aws == OnAws()
    value["aws"]["telemetry"] = {"target": {"queue": {}}}
    assert loaded(value).on_aws.telemetry == Telemetry(target=Queue())


def test_attributes_at_the_limit() -> None:
    value = on_aws()
    tags = {f"tag-{number}": "x" * 800 for number in range(50)}
    value["groups"]["reefers"]["twin"] = {"tags": tags}
    assert faults_of(value) == []
    tags["one-more"] = "x" * 801
    path = "groups.reefers.twin.tags"
    assert [(path, wrong) for path, wrong, _ in faults_of(value)] == [
        (path, "51 tags"),
        (f"{path}.one-more", f'AWS takes no attribute with the value "{"x" * 60}…"'),
    ]


def test_attributes_of_a_manifest_leave_room_for_its_own() -> None:
    value = on_aws()
    tags = {f"tag-{number}": "x" for number in range(47)}
    value["manifests"] = {"plant": {"file": "plant.csv", "attestation": "x509", "twin": {"tags": tags}}}
    assert faults_of(value) == []
    tags["one-more"] = "x"
    assert faults_of(value) == [("manifests.plant.twin.tags", "48 tags", "a thing can have 47 here")]


def nested(levels: int) -> Value:
    return {"a": nested(levels - 1)} if levels > 1 else {"a": 1}


def test_first_shadows_at_the_limit() -> None:
    value = on_aws()
    room = 8192 - len('{"state":{"desired":{"a":""}}}')
    value["groups"]["reefers"]["twin"] = {"desired": {"a": "x" * room}}
    assert faults_of(value) == []
    value["groups"]["reefers"]["twin"] = {"desired": {"a": "x" * (room + 1)}}
    path = "groups.reefers.twin.desired"
    expected = (path, "a shadow of 8193 bytes", "AWS takes 8192, with what the device reports")
    assert faults_of(value) == [expected]
    value["groups"]["reefers"]["twin"] = {"desired": nested(6)}
    assert faults_of(value) == []
    value["groups"]["reefers"]["twin"] = {"desired": nested(7)}
    [(where, wrong, _)] = faults_of(value)
    assert (where, wrong) == (path, "more than 6 levels, which a shadow on AWS has at most")


def test_azures_limits_are_not_asked_of_what_is_not_there() -> None:
    value = on_aws()
    value["groups"]["reefers"]["twin"] = {"desired": {"a": "x" * 5000}}
    assert faults_of(value) == []


def test_topics_leave_room_for_the_name_of_a_thing() -> None:
    value = on_aws()
    # dt/coldchain/reefers/{64 letters}/{topic} of 256 letters.
    long = "/".join(["x" * 57, "y" * 56, "z" * 55])
    assert len(f"dt/coldchain/reefers/{'n' * 64}/{long}") == 256
    permissions = {"publish": [long], "subscribe": []}
    value["groups"]["reefers"]["aws"] = {"permissions": permissions}
    assert faults_of(value) == []
    permissions["subscribe"] = [long]
    [(path, wrong, _)] = faults_of(value)
    assert path == "groups.reefers.aws.permissions.subscribe[0]"
    assert wrong == "with a thing's name the topic can have more than 256 letters"


@pytest.mark.parametrize(
    ("enrolment", "most", "noun"),
    [
        ({"jitr": {}}, 118, "policy"),
        ({"jitp": {}}, 36, "provisioning template"),
        ({"claim": {"certificates": {"q4": "q4.pem"}}}, 36, "provisioning template"),
    ],
)
def test_names_at_the_limit(enrolment: Value, most: int, noun: str) -> None:
    value = on_aws()
    group = {**value["groups"].pop("reefers"), "aws": {"enrolment": enrolment}}
    name = "g" * (most - len("coldchain-"))
    assert faults_of({**value, "groups": {name: group}}) == []
    [(path, wrong, _)] = faults_of({**value, "groups": {f"{name}g": group}})
    assert path == f"groups.{name}g"
    assert wrong.startswith(f'the name of its {noun}, "coldchain-g')
    assert wrong.endswith(f"has {most + 1} letters")


def test_two_groups_of_an_issuer_on_two_clouds_are_sound(sound: Value) -> None:
    sound |= {"clouds": ["azure", "aws"], "aws": {}}
    sound["groups"]["reefers"]["clouds"] = ["azure"]
    sound["groups"]["on-aws"] = {"clouds": ["aws"], "attestation": {"x509": {"issuer": "oslo"}}}
    assert faults_of(sound) == []
    del sound["groups"]["reefers"]["clouds"]
    sound["groups"]["reefers"]["twin"]["desired"] = {}
    [(path, wrong, _)] = faults_of(sound)
    assert path == "groups.on-aws.attestation.x509.issuer"
    assert wrong == 'issuer "oslo" belongs to group reefers already'


def test_a_manifest_of_two_clouds_may_be_said_twice(sound: Value) -> None:
    sound |= {"clouds": ["azure", "aws"], "aws": {}, "groups": {}}
    one = {"file": "plant.csv", "attestation": "x509"}
    there = {"clouds": ["azure"], "allocation": {"hubs": ["eu-1"]}}
    sound["manifests"] = {"one": {**one, **there}, "two": {**one, "clouds": ["aws"]}}
    assert faults_of(sound) == []
    sound["manifests"]["two"] = {**one, "allocation": {"hubs": ["eu-1"]}}
    assert [path for path, _, _ in faults_of(sound)] == ["manifests.two.file"]


NAME = re.compile("[A-Za-z0-9_-]{1,120}")
THING = re.compile("[A-Za-z0-9:_-]{1,128}")
ids = st.from_regex("[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?", fullmatch=True)


@QUICK
@given(key=ids)
def test_a_group_is_refused_when_aws_would_refuse_its_names(key: str) -> None:
    value = on_aws()
    value["groups"] = {key: value["groups"]["reefers"]}
    # A topic of a group with a long id is another fault.
    value["groups"][key]["aws"] = {"permissions": {"publish": [], "subscribe": []}}
    assert (faults_of(value) == []) == bool(NAME.fullmatch(f"coldchain-{key}"))


@QUICK
@given(key=ids)
def test_an_enrollment_is_refused_when_aws_would_refuse_its_thing(key: str) -> None:
    value = on_aws()
    quiet: Value = {"permissions": {"publish": [], "subscribe": []}}
    value["enrollments"] = {key: {"attestation": {"x509": {"certificate": "one.pem"}}, "aws": quiet}}
    assert (faults_of(value) == []) == bool(THING.fullmatch(key))


@QUICK
@given(topic=st.text("aZ0_.-/#+*$ {}\u00e9", min_size=1, max_size=12))
def test_no_permission_has_a_wildcard(topic: str) -> None:
    value = on_aws()
    value["groups"]["reefers"]["aws"] = {"permissions": {"publish": [topic]}}
    told = faults_of(value)
    plain = all(re.fullmatch("[aZ0_.-]+", part) for part in topic.split("/")) and topic.count("/") < 4
    assert (told == []) == plain
    if not plain:
        assert {path for path, _, _ in told} == {"groups.reefers.aws.permissions.publish[0]"}
        assert "no wildcard (# + * ${): name every topic by itself" in told[0][2]
