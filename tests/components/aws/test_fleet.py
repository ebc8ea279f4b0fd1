"""What a description becomes on AWS: which resources, with which inputs, in which order."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography import x509

from certs import issue
from certs.chain import Chain, load_certificate
from certs.store import KeyStore
from fleet import Fleet, load
from tests.components import aws_answers

Declare = Callable[..., Any]
AWS = {"region": "eu-west-1", "account": aws_answers.ACCOUNT}
JITR = {
    "attestation": {"x509": {"issuer": "oslo"}},
    "twin": {"tags": {"line": "reefer"}, "desired": {"s": 6}},
}
THING_TYPE, THING_GROUP = "aws:iot/thingType:ThingType", "aws:iot/thingGroup:ThingGroup"
POLICY, CA = "aws:iot/policy:Policy", "aws:iot/caCertificate:CaCertificate"
TEMPLATE, RULE = "aws:iot/provisioningTemplate:ProvisioningTemplate", "aws:iot/topicRule:TopicRule"
FUNCTION, ROLE_POLICY = "aws:lambda/function:Function", "aws:iam/rolePolicy:RolePolicy"
PERMISSION, TABLE = "aws:lambda/permission:Permission", "aws:dynamodb/table:Table"
CERTIFICATE, ATTACHED = "aws:iot/certificate:Certificate", "aws:iot/policyAttachment:PolicyAttachment"
PROOF = "muster:aws:VerificationCertificate"


def _fleet(stack: str = "prod", **changes: Any) -> Fleet:
    description = {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": AWS,
        "identity": {"root": "pki/root.pem", "issuers": {"oslo": "pki/oslo.pem"}},
        "groups": {"reefers": JITR},
    } | changes
    return load(description, file=f"Pulumi.{stack}.yaml")


def _group(enrolment: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"attestation": {"x509": {"issuer": "oslo"}}, "aws": {"enrolment": enrolment}, **more}


@pytest.fixture(scope="module")
def leaf(pki: Path) -> x509.Certificate:
    """A certificate of a device, or a claim's."""
    issuer = load_certificate(pki / "oslo.pem")
    signer = KeyStore(pki / "keys", b"a passphrase for tests").signer_for(issuer)
    return issue.issue_device(signer, issuer, "bench-1").certificate


def _documents(program: Any) -> list[dict[str, Any]]:
    return [json.loads(each.inputs["policy"]) for each in program.of(ROLE_POLICY)]


def test_a_group_of_just_in_time_registration(declare: Declare) -> None:
    program = declare(_fleet())
    assert Counter(each.token for each in program.resources) == {
        "pulumi:providers:muster": 1,
        "pulumi:providers:aws": 1,
        "pulumi:providers:aws-native": 1,
        "muster:aws:ThingRegistry": 1,
        "muster:aws:DevicePolicy": 1,
        "muster:aws:CertificateAuthority": 1,
        "muster:aws:JustInTimeRegistration": 1,
        "muster:aws:EndpointSecurity": 1,
        THING_TYPE: 1,
        THING_GROUP: 1,
        POLICY: 3,
        PROOF: 1,
        CA: 1,
        "aws:sqs/queue:Queue": 1,
        TABLE: 1,
        "aws:cloudwatch/logGroup:LogGroup": 1,
        "aws:iam/role:Role": 2,
        ROLE_POLICY: 2,
        FUNCTION: 1,
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": 1,
        PERMISSION: 1,
        RULE: 1,
    }


def test_groups_that_the_index_fills(declare: Declare) -> None:
    query = "attributes.line:reefer AND connectivity.connected:false"
    program = declare(_fleet(aws={**AWS, "dynamicGroups": {"silent": query}}))
    [made] = program.of("aws-native:iot:ThingGroup")
    assert (made.inputs["thingGroupName"], made.inputs["queryString"]) == ("coldchain-silent", query)


def test_a_dynamic_group_waits_for_the_index(declare: Declare) -> None:
    aws = {**AWS, "accountWide": {}, "dynamicGroups": {"silent": "attributes.line:reefer"}}
    program = declare(_fleet(aws=aws))
    made = program.one("aws-native:iot:ThingGroup")
    index = program.one("aws:iot/indexingConfiguration:IndexingConfiguration")
    assert index.urn in made.depends_on


def test_detect_watches_groups_that_are_there(declare: Declare) -> None:
    behaviors = {"chatty": {"metric": "messagesSent", "moreThan": 5}}
    program = declare(_fleet(aws={**AWS, "detect": {"existingCustomer": True, "behaviors": behaviors}}))
    profile = program.one("aws-native:iot:SecurityProfile")
    group = f"arn:aws:iot:eu-west-1:{aws_answers.ACCOUNT}:thinggroup/coldchain-reefers"
    assert profile.inputs["targetArns"] == [group]
    assert program.one(THING_GROUP).urn in profile.depends_on


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_what_would_be_lost_is_protected(declare: Declare, stack: str) -> None:
    program = declare(_fleet(stack, aws={**AWS, "telemetry": {"target": {"stream": {}}}}))
    protected = {each.token for each in program.resources if each.protect}
    stream = {CA, "aws:sqs/queue:Queue", "aws:kinesis/stream:Stream"}
    assert protected == (stream if stack == "prod" else set())


def test_outputs(declare: Declare) -> None:
    program = declare(_fleet())
    assert program.outputs == {
        "aws": {
            "endpoint": "a1b2c3-ats.iot.eu-west-1.amazonaws.com",
            "credentialsEndpoint": "a1b2c3.credentials.iot.eu-west-1.amazonaws.com",
            "account": aws_answers.ACCOUNT,
            "region": "eu-west-1",
            "groups": {"reefers": {"enrolment": "jitr", "template": None, "policy": "coldchain-reefers"}},
        }
    }
    assert program.secret == [False]


def test_nothing_of_azure_is_declared(declare: Declare) -> None:
    assert not [each for each in declare(_fleet()).resources if "azure" in each.token]


def test_both_clouds_stand_side_by_side(declare: Declare, description: dict[str, Any]) -> None:
    both = {**description, "clouds": ["azure", "aws"], "aws": AWS}
    program = declare(load(both, file="Pulumi.prod.yaml", location="westeurope"))
    assert set(program.outputs) == {"idScope", "dpsHost", "hubs", "groups", "aws"}
    assert len({each.urn for each in program.resources}) == len(program.resources)
    assert program.one("muster:dps:EnrollmentGroup")
    assert program.one(CA)


def test_a_group_stays_on_its_own_cloud(declare: Declare, description: dict[str, Any]) -> None:
    both = {**description, "clouds": ["azure", "aws"], "aws": AWS}
    both["groups"]["reefers"]["clouds"] = ["azure"]
    program = declare(load(both, file="Pulumi.prod.yaml", location="westeurope"))
    assert program.of(THING_TYPE) == []
    assert program.outputs["groups"] == ["reefers"]
    both["groups"] = {"reefers": {**JITR, "clouds": ["aws"]}}
    program = declare(load(both, file="Pulumi.prod.yaml", location="westeurope"))
    assert program.of("muster:dps:EnrollmentGroup") == []
    assert program.outputs["groups"] == []


def test_the_issuer_is_registered_with_a_proof_and_without_a_key(declare: Declare, chain: Chain) -> None:
    program = declare(_fleet())
    authority, proof = program.one(CA), program.one(PROOF)
    pem = aws_answers.plain(authority.inputs["caCertificatePem"])
    assert x509.load_pem_x509_certificate(pem.encode()) == (chain.issuers["oslo"])
    assert proof.inputs["registrationCode"] == aws_answers.CODE
    handed_in = aws_answers.plain(authority.inputs["verificationCertificatePem"])
    assert handed_in == f"proof of {aws_answers.CODE}"
    assert authority.inputs["certificateMode"] == "DEFAULT"
    assert authority.inputs["allowAutoRegistration"] is True
    assert authority.ignored == ("verificationCertificatePem",)
    assert authority.delete_first, "AWS has a CA once"
    assert "PRIVATE" not in json.dumps([each.inputs for each in program.resources], default=str)


def test_sni_only_asks_for_no_proof(declare: Declare) -> None:
    program = declare(_fleet(aws={**AWS, "certificateMode": "sniOnly"}))
    assert program.of(PROOF) == []
    assert program.one(CA).inputs["certificateMode"] == "SNI_ONLY"
    assert "verificationCertificatePem" not in program.one(CA).inputs


def test_the_rule_hears_of_one_ca_and_calls_one_function(declare: Declare) -> None:
    program = declare(_fleet())
    rule, function, permission = program.one(RULE), program.one(FUNCTION), program.one(PERMISSION)
    authority = aws_answers.identity(CA, "", program.one(CA).inputs)
    _, _, topic = rule.inputs["sql"].partition(" FROM ")
    assert topic == f"'$aws/events/certificates/registered/{authority}'"
    assert rule.inputs["lambdas"][0]["functionArn"].endswith(":function:coldchain-prod-reefers-jitr")
    assert rule.inputs["errorAction"]["sqs"]["queueUrl"]
    assert permission.urn in rule.depends_on
    assert permission.inputs["sourceAccount"] == aws_answers.ACCOUNT
    assert function.inputs["environment"]["variables"]["AUTHORITIES"] == authority
    assert function.inputs["deadLetterConfig"]["targetArn"].endswith("coldchain-prod-reefers-jitr-dead")


def test_the_function_is_told_what_a_device_becomes(declare: Declare) -> None:
    archive = declare(_fleet()).one(FUNCTION).inputs["code"]
    settings = json.loads(archive.assets["functions/registration/settings.json"].text)
    assert settings == {
        "allow": "any",
        "thing_type": "coldchain-reefers",
        "thing_group": "coldchain-reefers",
        "policies": ["coldchain-reefers", "coldchain-reefers.subscribe", "coldchain-reefers.receive"],
        "attributes": {"line": "reefer"},
        "billing_group": None,
        "desired": {"s": 6},
    }
    assert "functions/registration/edge.py" in archive.assets
    assert not [each for each in archive.assets if "hook" in each]


@pytest.mark.parametrize(
    "enrolment",
    [
        {"jitr": {"allow": "registered"}},
        {"jitp": {}},
        {"claim": {"certificates": {"q4": "q4.pem"}, "limit": 5}},
    ],
)
def test_no_right_is_wider_than_it_must_be(
    declare: Declare, leaf: x509.Certificate, enrolment: dict[str, Any]
) -> None:
    twin = {} if "jitp" in enrolment else {"twin": {"desired": {"s": 6}}}
    program = declare(_fleet(groups={"reefers": _group(enrolment, **twin)}), certificates={"q4.pem": leaf})
    unavoidable = {"thing/*", "cert/*"}
    documents = _documents(program)
    assert documents
    for statement in (each for document in documents for each in document["Statement"]):
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            alone = statement["Action"] == ["iot:AttachThingPrincipal"]  # AWS has no resource for it
            streams = resource.startswith("arn:aws:logs") and resource.endswith(":*")
            last = resource.rpartition(":")[2]
            assert "*" not in resource or alone or streams or last in unavoidable, statement
        assert not [each for each in statement["Action"] if "*" in each]


def test_services_take_roles_for_our_account_alone(declare: Declare) -> None:
    for role in declare(_fleet()).of("aws:iam/role:Role"):
        (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        if trust["Principal"] == {"Service": "iot.amazonaws.com"}:
            assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": aws_answers.ACCOUNT}
        else:
            assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_just_in_time_provisioning_is_a_template_at_the_ca(declare: Declare) -> None:
    program = declare(_fleet(groups={"reefers": _group({"jitp": {}})}))
    template, authority = program.one(TEMPLATE), program.one(CA)
    assert (template.inputs["name"], template.inputs["type"]) == ("coldchain-reefers", "JITP")
    assert authority.inputs["registrationConfig"]["templateName"] == "coldchain-reefers"
    assert authority.inputs["registrationConfig"]["roleArn"] == template.inputs["provisioningRoleArn"]
    assert program.of(FUNCTION) == program.of(RULE) == []
    kinds = (THING_TYPE, THING_GROUP, POLICY, ROLE_POLICY)
    assert {each.urn for kind in kinds for each in program.of(kind)} <= template.depends_on
    group = program.outputs["aws"]["groups"]["reefers"]
    assert group == {"enrolment": "jitp", "template": "coldchain-reefers", "policy": "coldchain-reefers"}


def test_claims_open_one_template_and_nothing_else(declare: Declare, leaf: x509.Certificate) -> None:
    claim = {"claim": {"certificates": {"q3": "q3.pem", "q4": "q4.pem"}, "limit": 20}}
    files = {"q3.pem": leaf, "q4.pem": leaf}
    program = declare(_fleet(groups={"reefers": _group(claim)}), certificates=files)
    template, function = program.one(TEMPLATE), program.one(FUNCTION)
    assert template.inputs["type"] == "FLEET_PROVISIONING"
    assert template.inputs["preProvisioningHook"] == {
        "payloadVersion": "2020-04-01",
        "targetArn": f"arn:aws:lambda:eu-west-1:{aws_answers.ACCOUNT}:function:coldchain-prod-reefers-hook",
    }
    assert function.inputs["timeout"] < 5
    assert program.one(PERMISSION).urn in template.depends_on
    assert program.one(PERMISSION).inputs["sourceArn"].endswith(":provisioningtemplate/coldchain-reefers")
    settings = json.loads(function.inputs["code"].assets["functions/hook/settings.json"].text)
    assert settings["limit"] == 20
    assert settings["allow"] == "registered"
    assert set(settings["claims"]) == {"q3", "q4"}
    assert set(json.loads(function.inputs["environment"]["variables"]["CLAIMS"]).values()) == {"q4"}
    assert {each.inputs["policy"] for each in program.of(ATTACHED)} == {"coldchain-reefers.claim"}
    assert len(program.of(CERTIFICATE)) == len(program.of(ATTACHED)) == 2
    assert program.of(CA) == []


def test_without_a_limit_nothing_is_counted(declare: Declare, leaf: x509.Certificate) -> None:
    claim = {"claim": {"certificates": {"q4": "q4.pem"}}}
    program = declare(_fleet(groups={"reefers": _group(claim)}), certificates={"q4.pem": leaf})
    assert program.of(TABLE) == []
    assert "CLAIMS_TABLE" not in program.one(FUNCTION).inputs["environment"]["variables"]
    assert not [each for each in _documents(program) if "dynamodb" in json.dumps(each)]


@pytest.mark.parametrize(
    "enrolment", [{"jitp": {}}, {"jitr": {}}, {"claim": {"certificates": {"q4": "q4.pem"}}}]
)
def test_a_group_that_is_not_enabled_lets_nobody_in(
    declare: Declare, leaf: x509.Certificate, enrolment: dict[str, Any]
) -> None:
    groups = {"reefers": _group(enrolment, enabled=False)}
    program = declare(_fleet(groups=groups), certificates={"q4.pem": leaf})
    switches = [
        *(each.inputs["allowAutoRegistration"] for each in program.of(CA)),
        *(each.inputs["enabled"] for each in (*program.of(TEMPLATE), *program.of(RULE))),
        *(each.inputs["active"] for each in program.of(CERTIFICATE)),
    ]
    assert switches
    assert not any(switches)


def test_a_device_by_itself_has_its_certificate_and_its_own_policies(
    declare: Declare, leaf: x509.Certificate
) -> None:
    enrollment = {"attestation": {"x509": {"certificate": "bench.pem"}}, "twin": {"tags": {"line": "bench"}}}
    program = declare(
        _fleet(groups={}, enrollments={"bench-1": enrollment}), certificates={"bench.pem": leaf}
    )
    thing = program.one("aws:iot/thing:Thing")
    assert thing.inputs["name"] == "bench-1"
    assert thing.inputs["attributes"] == {"line": "bench"}
    assert thing.inputs["thingTypeName"] == "coldchain"
    assert program.one(THING_TYPE).urn in thing.depends_on
    member = program.one("aws:iot/thingGroupMembership:ThingGroupMembership").inputs
    assert (member["thingName"], member["thingGroupName"]) == ("bench-1", "coldchain")
    assert {each.inputs["name"] for each in program.of(POLICY)} == {
        "coldchain.bench-1",
        "coldchain.bench-1.receive",
        "coldchain.bench-1.subscribe",
    }
    assert program.one(CERTIFICATE).inputs["active"] is True
    assert len(program.of(ATTACHED)) == 3
    assert (
        program.one("aws:iot/thingPrincipalAttachment:ThingPrincipalAttachment").inputs["thing"] == "bench-1"
    )


def test_the_number_of_resources_does_not_depend_on_devices(declare: Declare) -> None:
    with pytest.raises(Exception, match="devices"):
        _fleet(groups={"reefers": {**JITR, "devices": 200}})


def test_credentials_of_another_account_are_refused(declare: Declare) -> None:
    with pytest.raises(pulumi.RunError, match=r"nothing was changed.*111122223333.*999988887777"):
        declare(_fleet(aws={**AWS, "account": "999988887777"}))


def test_nothing_is_made_on_azure_either_then(
    declare: Declare, description: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    declared: list[str] = []
    monkeypatch.setattr("components.fleet._on_azure", lambda *_: declared.append("azure"))
    foreign = {**description, "clouds": ["azure", "aws"], "aws": {**AWS, "account": "999988887777"}}
    with pytest.raises(pulumi.RunError, match="nothing was changed"):
        declare(load(foreign, file="Pulumi.prod.yaml", location="westeurope"))
    assert declared == []


def test_offline_the_descriptions_account_is_believed(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_OFFLINE", "1")
    program = declare(_fleet(aws={**AWS, "account": "999988887777"}))
    assert program.outputs["aws"]["account"] == "999988887777"


def test_names_fit_and_stay_apart_between_stacks(declare: Declare) -> None:
    named = {}
    for stack in ("prod", "dev"):
        program = declare(_fleet(stack, groups={"r" * 100: JITR}))
        kinds = ("aws:iam/role:Role", FUNCTION, TABLE)
        named[stack] = [each.inputs["name"] for kind in kinds for each in program.of(kind)]
        assert all(len(each) <= 64 for each in named[stack])
        assert len(set(named[stack])) == len(named[stack]) - 1  # a function's role has its name


def test_a_manifest_is_one_resource_however_many_devices(
    declare: Declare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for rows in (1, 1000):
        lines = [f"meter-{number}," for number in range(rows)]
        (tmp_path / "meters.csv").write_text("\n".join(["registration_id,certificate", *lines]))
        twin = {"tags": {"line": "meter"}, "desired": {"s": 5}}
        manifest = {"file": "meters.csv", "attestation": "x509", "twin": twin}
        program = declare(_fleet(groups={}, manifests={"meters": manifest}))
        one = program.one("muster:aws:DeviceManifest")
        assert one.inputs["thingType"] == one.inputs["thingGroup"] == "coldchain-meters"
        assert one.inputs["policies"] == [
            *("coldchain-meters", "coldchain-meters.subscribe", "coldchain-meters.receive")
        ]
        assert one.inputs["initialTwin"] == twin
        assert one.inputs["manifestName"] == "coldchain-meters"
        assert one.inputs["dataEndpoint"] == aws_answers.ENDPOINTS["iot:Data-ATS"]
        kinds = (THING_TYPE, THING_GROUP, POLICY)
        assert {each.urn for kind in kinds for each in program.of(kind)} <= one.depends_on
        assert program.outputs["aws"]["manifests"] == {"meters": {"rows": 7, "accepted": 6, "refused": 1}}
        assert len(program.resources) == 14
