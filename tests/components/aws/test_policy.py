"""Every compiled policy, asked by an evaluator that shares no code with the compiler: the local cloud's."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from components.aws import policy
from components.aws.policy import Permissions, PolicyError, Scope
from localcloud.aws.policy import Request, allows, check

SCOPE = Scope("aws", "eu-west-1", "111122223333", "coldchain", "reefers")
ARN = "arn:aws:iot:eu-west-1:111122223333:"
ASKED = Permissions(("telemetry", "alarms/door"), ("commands",), jobs=True, role_alias="coldchain-devices")
LEAST = Permissions()

OWN = [
    ("Connect", "client/van-1"),
    ("Publish", "topic/$aws/things/van-1/shadow/get"),
    ("Publish", "topic/$aws/things/van-1/shadow/update"),
    ("Subscribe", "topicfilter/$aws/things/van-1/shadow/get/accepted"),
    ("Subscribe", "topicfilter/$aws/things/van-1/shadow/update/delta"),
    ("Subscribe", "topicfilter/$aws/things/van-1/shadow/update/documents"),
    ("Receive", "topic/$aws/things/van-1/shadow/get/rejected"),
    ("Receive", "topic/$aws/things/van-1/shadow/update/accepted"),
]
GIVEN = [
    ("Publish", "topic/dt/coldchain/reefers/van-1/telemetry"),
    ("Publish", "topic/dt/coldchain/reefers/van-1/alarms/door"),
    ("Subscribe", "topicfilter/cmd/coldchain/reefers/van-1/commands"),
    ("Receive", "topic/cmd/coldchain/reefers/van-1/commands"),
    ("Publish", "topic/$aws/things/van-1/jobs/get"),
    ("Publish", "topic/$aws/things/van-1/jobs/start-next"),
    ("Publish", "topic/$aws/things/van-1/jobs/job-7/update"),
    ("Subscribe", "topicfilter/$aws/things/van-1/jobs/notify-next"),
    ("Subscribe", "topicfilter/$aws/things/van-1/jobs/job-7/update/accepted"),
    ("Receive", "topic/$aws/things/van-1/jobs/start-next/rejected"),
    ("AssumeRoleWithCertificate", "rolealias/coldchain-devices"),
]
NEVER = [
    ("Connect", "client/van-2"),
    ("Connect", "client/van-12"),
    ("Publish", "topic/dt/coldchain/reefers/van-2/telemetry"),
    ("Publish", "topic/dt/coldchain/reefers/van-1/other"),
    ("Publish", "topic/dt/coldchain/trucks/van-1/telemetry"),
    ("Publish", "topic/dt/coldchain/reefers/van-1/telemetry/more"),
    ("Publish", "topic/cmd/coldchain/reefers/van-1/commands"),
    ("Subscribe", "topicfilter/cmd/coldchain/reefers/+/commands"),
    ("Subscribe", "topicfilter/cmd/coldchain/reefers/van-1/#"),
    ("Subscribe", "topicfilter/cmd/coldchain/reefers/van-2/commands"),
    ("Subscribe", "topicfilter/dt/coldchain/reefers/van-1/telemetry"),
    ("Subscribe", "topicfilter/#"),
    ("Receive", "topic/cmd/coldchain/reefers/van-2/commands"),
    ("Publish", "topic/$aws/things/van-2/shadow/update"),
    ("Publish", "topic/$aws/things/van-1/shadow/delete"),
    ("Publish", "topic/$aws/things/van-1/shadow/update/accepted"),
    ("Publish", "topic/$aws/things/van-1/shadow/name/other/update"),
    ("Subscribe", "topicfilter/$aws/things/+/shadow/update/delta"),
    ("Subscribe", "topicfilter/$aws/things/van-1/shadow/#"),
    ("Subscribe", "topicfilter/$aws/things/van-2/shadow/get/accepted"),
    ("Publish", "topic/$aws/things/van-2/jobs/get"),
    ("Publish", "topic/$aws/things/van-2/jobs/job-7/update"),
    ("Subscribe", "topicfilter/$aws/things/van-1/jobs/#"),
    ("Subscribe", "topicfilter/$aws/things/van-2/jobs/notify"),
    ("Receive", "topic/$aws/things/van-2/jobs/job-7/update/accepted"),
    ("Subscribe", "topicfilter/$aws/events/#"),
    ("Publish", "topic/$aws/rules/anything"),
    ("Publish", "topic/$aws/certificates/create-from-csr/json"),
    ("Publish", "topic/$aws/certificates/create/json"),
    ("AssumeRoleWithCertificate", "rolealias/another"),
    ("RetainPublish", "topic/dt/coldchain/reefers/van-1/telemetry"),
    ("UpdateThingShadow", "thing/van-1"),
    ("GetThingShadow", "thing/van-2"),
]


def _allowed(
    documents: Iterable[Mapping[str, Any]], action: str, resource: str, attached: str = "true"
) -> bool:
    """Whether van-1, whose certificate is (or is not) attached to its thing, may do this."""
    known = {"iot:Connection.Thing.ThingName": "van-1", "iot:Connection.Thing.IsAttached": attached}
    checked = [check(json.loads(policy.text_of(each))) for each in documents]
    return allows(checked, Request(f"iot:{action}", f"{ARN}{resource}", known))


@pytest.mark.parametrize(("action", "resource"), [*OWN, *GIVEN])
def test_what_was_asked_for_is_allowed(action: str, resource: str) -> None:
    assert _allowed(policy.compiled(SCOPE, ASKED).values(), action, resource)


@pytest.mark.parametrize(("action", "resource"), NEVER)
def test_nothing_else_is_allowed(action: str, resource: str) -> None:
    assert not _allowed(policy.compiled(SCOPE, ASKED).values(), action, resource)


@pytest.mark.parametrize(("action", "resource"), [*GIVEN, *NEVER])
def test_who_asks_for_nothing_gets_a_connection_and_a_shadow_alone(action: str, resource: str) -> None:
    documents = policy.compiled(SCOPE, LEAST)
    assert not _allowed(documents.values(), action, resource)
    assert all(_allowed(documents.values(), *each) for each in OWN)
    assert set(documents) == set(policy.compiled(SCOPE, ASKED)), "a change reaches devices that are there"


def test_a_certificate_of_another_thing_does_not_connect() -> None:
    assert not _allowed(policy.compiled(SCOPE, ASKED).values(), "Connect", "client/van-1", attached="false")


def test_another_account_region_or_partition_is_not_reached() -> None:
    for scope in (
        Scope("aws", "eu-west-1", "999988887777", "coldchain", "reefers"),
        Scope("aws", "eu-north-1", "111122223333", "coldchain", "reefers"),
        Scope("aws-cn", "eu-west-1", "111122223333", "coldchain", "reefers"),
    ):
        assert not any(_allowed(policy.compiled(scope, ASKED).values(), *each) for each in (*OWN, *GIVEN))


def test_a_wildcard_stands_only_where_the_id_of_a_job_is() -> None:
    for document in policy.compiled(SCOPE, ASKED).values():
        for statement in document["Statement"]:
            assert "*" not in statement["Action"]
            for resource in statement["Resource"]:
                assert "*" not in resource.replace("/jobs/*/", "/jobs/job-7/")
                assert "?" not in resource
                assert policy.THING in resource or "rolealias" in resource


@pytest.mark.parametrize(
    "topic", ["#", "+", "*", "a/+/b", "a/*", "tele?", "${iot:ClientId}", "", "/a", "a b"]
)
def test_a_topic_with_a_wildcard_is_refused(topic: str) -> None:
    with pytest.raises(PolicyError, match="would need a wildcard") as raised:
        policy.compiled(SCOPE, Permissions(subscribe=(topic,)))
    assert "name every topic by itself" in raised.value.right


def test_a_policy_that_is_too_large_says_what_to_shorten() -> None:
    topics = tuple(f"measurement-{number:03}" for number in range(20))
    with pytest.raises(PolicyError, match=r"\(say\) would have [23],\d{3} bytes; AWS takes 2,048") as raised:
        policy.compiled(SCOPE, Permissions(topics))
    assert "name fewer topics (20 are named)" in raised.value.right
    long = Scope("aws", "us-gov-west-1", "111122223333", "f" * 32, "g" * 128)
    with pytest.raises(PolicyError, match=r"\(subscribe\)"):
        policy.compiled(long, Permissions(subscribe=tuple(f"t{n}" for n in range(9))))


def test_white_space_does_not_count() -> None:
    document = policy.document([policy.allow("iot:Connect", ["a b"])])
    assert policy.size_of(document) == len(policy.text_of(document)) - 1


def test_the_size_is_that_of_what_is_sent() -> None:
    for document in policy.compiled(SCOPE, ASKED).values():
        assert policy.size_of(document) == len(policy.text_of(document).encode()) <= policy.MOST_BYTES


CLAIM_ALLOWED = [
    ("Connect", "client/anything"),
    ("Publish", "topic/$aws/certificates/create-from-csr/json"),
    ("Subscribe", "topicfilter/$aws/certificates/create-from-csr/json/accepted"),
    ("Receive", "topic/$aws/certificates/create-from-csr/json/rejected"),
    ("Publish", "topic/$aws/provisioning-templates/coldchain-reefers/provision/json"),
    ("Subscribe", "topicfilter/$aws/provisioning-templates/coldchain-reefers/provision/json/rejected"),
    ("Receive", "topic/$aws/provisioning-templates/coldchain-reefers/provision/json/accepted"),
]
CLAIM_FORBIDDEN = [
    ("Publish", "topic/$aws/certificates/create/json"),
    ("Subscribe", "topicfilter/$aws/certificates/create/json/accepted"),
    ("Publish", "topic/$aws/provisioning-templates/another/provision/json"),
    ("Subscribe", "topicfilter/$aws/provisioning-templates/+/provision/json/accepted"),
    ("Subscribe", "topicfilter/#"),
    ("Publish", "topic/dt/coldchain/reefers/van-1/telemetry"),
    ("Publish", "topic/$aws/things/van-1/shadow/update"),
    ("AssumeRoleWithCertificate", "rolealias/coldchain-devices"),
]


def test_a_device_that_may_renew_has_what_a_claim_has_and_connects_as_itself_still() -> None:
    without = policy.compiled(SCOPE, ASKED).values()
    documents = policy.compiled(SCOPE, replace(ASKED, template="coldchain-reefers")).values()
    for asked in CLAIM_ALLOWED[1:]:
        assert _allowed(documents, *asked)
        assert not _allowed(without, *asked)
    renewing = CLAIM_ALLOWED[1:]
    assert [
        each for each in (*NEVER, *CLAIM_FORBIDDEN[:5]) if each not in renewing and _allowed(documents, *each)
    ] == []
    assert not _allowed(documents, "Connect", "client/anything")
    assert not any(_allowed(documents, *asked, attached="false") for asked in CLAIM_ALLOWED)


def test_a_claim_is_good_for_a_csr_and_one_template() -> None:
    documents = [policy.claim(SCOPE, "coldchain-reefers")]
    assert [each for each in CLAIM_ALLOWED if not _allowed(documents, *each, attached="false")] == []
    assert [each for each in CLAIM_FORBIDDEN if _allowed(documents, *each, attached="false")] == []
    with pytest.raises(PolicyError, match="claim policy"):
        policy.claim(SCOPE, "t" * 300)


NAMES = some.from_regex(r"[A-Za-z0-9_.-]{1,20}(/[A-Za-z0-9_.-]{1,20})?", fullmatch=True)
TOPICS = some.lists(NAMES, max_size=2).map(tuple)


@settings(max_examples=100, deadline=None)
@given(TOPICS, TOPICS, some.booleans(), NAMES, some.sampled_from(["van-1", "van-2", "x"]))
def test_a_device_reaches_exactly_the_topics_that_were_named(
    said: tuple[str, ...], heard: tuple[str, ...], jobs: bool, topic: str, thing: str
) -> None:
    documents = policy.compiled(SCOPE, Permissions(said, heard, jobs)).values()
    own = thing == "van-1"
    data, commands = f"dt/coldchain/reefers/{thing}/{topic}", f"cmd/coldchain/reefers/{thing}/{topic}"
    assert _allowed(documents, "Publish", f"topic/{data}") == (own and topic in said)
    assert _allowed(documents, "Subscribe", f"topicfilter/{commands}") == (own and topic in heard)
    assert _allowed(documents, "Receive", f"topic/{commands}") == (own and topic in heard)
    assert _allowed(documents, "Publish", f"topic/$aws/things/{thing}/jobs/get") == (own and jobs)
    assert not _allowed(documents, "Receive", f"topic/{data}")
    assert not _allowed(documents, "Publish", f"topic/{commands}")
