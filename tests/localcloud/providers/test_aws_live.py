"""Every type of aws and aws-native against the local cloud as a process, through its proxy and signatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localcloud.providers.aws.plugin import made
from localcloud.providers.aws_native.plugin import made as made_native
from localcloud.providers.boto.plugin import BotoPlugin
from localcloud.providers.boto.resource import BotoResource
from localcloud.providers.errors import CloudRefused
from localcloud.providers.plugin import Declaration, Live
from localcloud.providers.wire import reveal

from .aws_around import around
from .aws_iot import things
from .aws_material import ARN, REGION, Case, authority, policy, request
from .aws_native_cases import native

STAYS = frozenset(
    {
        "aws:iot/eventConfigurations:EventConfigurations",
        "aws:iot/indexingConfiguration:IndexingConfiguration",
        "aws:iot/loggingOptions:LoggingOptions",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:sns/topicPolicy:TopicPolicy",
    }
)
"""What an account, a bucket or a topic has as long as it is there."""
WAITS = frozenset({"aws:iot/domainConfiguration:DomainConfiguration", "aws:iot/thingType:ThingType"})
"""AWS takes a domain configuration of its own away after seven days, a thing type after five minutes."""


@pytest.fixture
def plugins(cloud: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, BotoPlugin]:
    for line in (cloud / "aws.env").read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("MUSTER_PROXY", _proxy(cloud))
    monkeypatch.setenv("MUSTER_CA_FILE", str(cloud / "tls-ca.pem"))
    return {"aws": made(), "aws-native": made_native()}


def _proxy(cloud: Path) -> str:
    return str(json.loads((cloud / "endpoints.json").read_text())["proxy"])


def _by_hand(cloud: Path, service: str) -> Any:
    """A client as a person has one who changes things beside us."""
    config = Config(proxies={"https": _proxy(cloud)})
    # A session of its own: boto3's default one keeps the first credentials that this process saw.
    return boto3.Session().client(service, REGION, config=config, verify=str(cloud / "tls-ca.pem"))


def _resource(plugins: dict[str, BotoPlugin], token: str) -> BotoResource:
    return plugins[token.partition(":")[0]].resource(token)


def _declared(resource: BotoResource, inputs: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    checked = resource.check(Declaration("live", inputs, old, b"seed"))
    assert checked.faults == ()
    return checked.inputs


def _differs(resource: BotoResource, inputs: dict[str, Any], identity: str) -> set[str]:
    """What a refresh would find changed."""
    seen = resource.read(identity, inputs)
    assert seen is not None
    return {str(it.path[0]) for it in resource.diff(inputs, seen.inputs).changes}


def _lives(resource: BotoResource, case: Case) -> Live:
    """Create, read without drift, change, see the change against what was before, mend it."""
    inputs = _declared(resource, case.inputs, {})
    live = resource.create(inputs)
    assert _differs(resource, inputs, live.identity) == set()
    _can_be_imported(resource, case, live)
    if case.change:
        changed = _declared(resource, {**case.inputs, **case.change}, inputs)
        resource.update(live.identity, changed)
        assert _differs(resource, changed, live.identity) == set()
        assert _differs(resource, inputs, live.identity) == set(case.change)
        live = resource.update(live.identity, inputs) if _has_a_way_back(case) else live
    return live


def _can_be_imported(resource: BotoResource, case: Case, live: Live) -> None:
    """All of its inputs come from the cloud, but for the code of a function, which AWS hands out nowhere."""
    identity = "hook/iot" if case.token == "aws:lambda/permission:Permission" else live.identity
    imported = resource.read(identity, {})
    assert imported is not None
    checked = resource.check(Declaration("live", imported.inputs, imported.inputs))
    code = {("code",)} if case.token == "aws:lambda/function:Function" else set()
    assert {it.path for it in checked.faults} == code


def _has_a_way_back(case: Case) -> bool:
    return case.token != "aws-native:iot:Job"  # a job keeps the description that it was given


def test_life_of_every_type(plugins: dict[str, BotoPlugin]) -> None:
    """In one run, since most stand on others; taken away in the opposite order, as the engine does."""
    code = plugins["aws"].invoke("aws:iot/getRegistrationCode:getRegistrationCode", {})["registrationCode"]
    cases = (*around(), *things(code, request(), authority()), *native())
    lives = [(case, _lives(_resource(plugins, case.token), case)) for case in cases]
    for case, live in reversed(lives):
        if case.token not in WAITS:
            resource, state = _resource(plugins, case.token), reveal({**case.inputs, **live.outputs})
            resource.delete(live.identity, state)
            assert (resource.read(live.identity, case.inputs) is None) == (case.token not in STAYS)
            resource.delete(live.identity, state)


def test_what_is_changed_by_hand_is_seen_and_mended(cloud: Path, plugins: dict[str, BotoPlugin]) -> None:
    iot = _by_hand(cloud, "iot")
    resource = _resource(plugins, "aws:iot/policy:Policy")
    inputs = _declared(resource, {"name": "drift", "policy": policy("iot:Connect", f"{ARN}:client/a")}, {})
    live = resource.create(inputs)
    wider = policy("iot:Connect", f"{ARN}:client/b")
    for _ in range(2):  # twice what a policy may have of versions, in all
        for _ in range(4):
            resource.update(live.identity, inputs)
        versions = iot.list_policy_versions(policyName="drift")["policyVersions"]
        oldest = min(
            (it for it in versions if not it["isDefaultVersion"]), key=lambda it: int(it["versionId"])
        )
        iot.delete_policy_version(policyName="drift", policyVersionId=oldest["versionId"])
        iot.create_policy_version(policyName="drift", policyDocument=wider, setAsDefault=True)
        assert _differs(resource, inputs, live.identity) == {"policy"}
        resource.update(live.identity, inputs)
        assert _differs(resource, inputs, live.identity) == set()
    assert len(iot.list_policy_versions(policyName="drift")["policyVersions"]) == 5


def test_what_is_deleted_by_hand_is_seen(cloud: Path, plugins: dict[str, BotoPlugin]) -> None:
    resource = _resource(plugins, "aws:iot/thing:Thing")
    inputs = _declared(resource, {"name": "lost"}, {})
    live = resource.create(inputs)
    _by_hand(cloud, "iot").delete_thing(thingName="lost")
    assert resource.read(live.identity, inputs) is None


def test_a_create_takes_over_what_is_there_as_declared(plugins: dict[str, BotoPlugin]) -> None:
    resource = _resource(plugins, "aws:iot/roleAlias:RoleAlias")
    inputs = {"alias": "twice", "roleArn": "arn:aws:iam::111122223333:role/twice"}
    role = _resource(plugins, "aws:iam/role:Role")
    trusted = policy("sts:AssumeRole", "*").replace('"Resource": "*"', '"Principal": {"Service": "iot"}')
    role.create(_declared(role, {"name": "twice", "assumeRolePolicy": trusted}, {}))
    declared = _declared(resource, inputs, {})
    assert resource.create(declared).identity == resource.create(declared).identity == "twice"
    with pytest.raises(Exception, match="pulumi import aws:iot/roleAlias:RoleAlias"):
        resource.create(declared | {"credentialDuration": 900})


def test_the_service_itself_refuses(plugins: dict[str, BotoPlugin]) -> None:
    resource = _resource(plugins, "aws:iot/thingGroup:ThingGroup")
    with pytest.raises(CloudRefused, match="ResourceNotFoundException") as caught:
        resource.create({"name": "child", "parentGroupName": "nobody"})
    assert caught.value.status == 404
