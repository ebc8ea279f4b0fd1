"""What a device may do, compiled to policies of AWS IoT. Pure: no pulumi.

A device connects under its thing's name, with a certificate attached to that thing, and reaches its own
topics one by one. There is no wildcard, except where a part of a topic cannot be known beforehand: the id of
a job ("Jobs device MQTT and HTTPS APIs"), for those who ask for jobs. Actions, resources and variables: "AWS
IoT Core policy actions", "AWS IoT Core action resources", "Thing policy variables", "Device Shadow MQTT
topics", "Device provisioning MQTT API" (AWS IoT Core developer guide).

A document has 2,048 bytes at most without white space (CreatePolicy, botocore iot 2015-05-28), and one with
everything would be larger. So there are three, by what a device does: say, subscribe, receive (ten policies
can be attached to a certificate, "AWS IoT Core endpoints and quotas"). Always these three: a change of
permissions is then a new version of them, which reaches the devices that are there as well.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

MOST_BYTES: Final = 2048
VERSION: Final = "2012-10-17"
THING: Final = "${iot:Connection.Thing.ThingName}"
DATA, COMMANDS = "dt", "cmd"
SAY, SUBSCRIBE, RECEIVE = "say", "subscribe", "receive"
"""The parts of what a device may do, each a policy: to connect and publish, to subscribe, to receive."""

Document: TypeAlias = dict[str, Any]

_ATTACHED: Final = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
_TOPIC = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_ANSWERS = ("accepted", "rejected")
_SHADOW_PUBLISHED = ("get", "update")
_SHADOW_CHANGED = ("update/delta", "update/documents")
"""A delta is not told of what is taken out of the desired state; the documents before and after tell it."""
_SHADOW_HEARD = (
    *(f"{call}/{answer}" for call in _SHADOW_PUBLISHED for answer in _ANSWERS),
    *_SHADOW_CHANGED,
)
_JOBS_PUBLISHED = ("get", "start-next", "*/get", "*/update")
_JOBS_HEARD = ("notify", "notify-next", *(f"*/{answer}" for answer in _ANSWERS))
"""`*` in a policy stands for slashes as well: `*/accepted` covers `get/accepted` and `{job}/update/accepted`,
never anything outside the thing's own jobs."""


class PolicyError(Exception):
    """Permissions that cannot be compiled: what is wrong, and what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(f"{wrong}; {right}")
        self.wrong = wrong
        self.right = right


@dataclass(frozen=True)
class Scope:
    """Where a policy holds, and whose it is."""

    partition: str
    region: str
    account: str
    fleet: str
    group: str

    def arn(self, resource: str) -> str:
        """The ARN of a resource of AWS IoT."""
        return f"arn:{self.partition}:iot:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Permissions:
    """What a device may do beside its shadow: names of topics below its own, and jobs."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    jobs: bool = False
    role_alias: str | None = None
    """Whose credentials it may ask for."""
    template: str | None = None
    """By which provisioning template it may have another certificate."""


def compiled(scope: Scope, permissions: Permissions) -> dict[str, Document]:
    """The policies, by part (SAY, SUBSCRIBE, RECEIVE). Raises PolicyError."""
    for topic in (*permissions.publish, *permissions.subscribe):
        _refuse_wildcards(topic)
    jobs = permissions.jobs
    said = [_topic(scope, DATA, topic) for topic in permissions.publish]
    said += [*_things("shadow", _SHADOW_PUBLISHED), *_things("jobs", _JOBS_PUBLISHED if jobs else ())]
    heard = [_topic(scope, COMMANDS, topic) for topic in permissions.subscribe]
    heard += [*_things("shadow", _SHADOW_HEARD), *_things("jobs", _JOBS_HEARD if jobs else ())]
    parts = {
        SAY: [*_connected(scope, permissions), _publish(scope, said)],
        SUBSCRIBE: [_subscribe(scope, heard)],
        RECEIVE: [_receive(scope, heard)],
    }
    if permissions.template is not None:
        for part, statement in _renewing(scope, permissions.template).items():
            parts[part].append(statement)
    documents = {part: document(statements) for part, statements in parts.items()}
    for part, each in documents.items():
        topics = permissions.publish if part == SAY else permissions.subscribe
        _refuse_large(scope, topics, part, each)
    return documents


def claim(scope: Scope, template: str) -> Document:
    """What a claim certificate is good for: to have a certificate of one's own signed, and to be registered
    by one template. Raises PolicyError.

    The key must be the device's own (`create-from-csr`); `create`, where AWS makes it, is not allowed. The
    name that a device connects under is not bound: no thing has this certificate yet, and AWS documents `*`.
    """
    calls = _provisioning(template)
    answers = _answers(calls)
    connected = allow("iot:Connect", [scope.arn("client/*")])
    made = document([connected, _publish(scope, calls), _subscribe(scope, answers), _receive(scope, answers)])
    if (size := size_of(made)) > MOST_BYTES:
        raise PolicyError(_too_large(f"the claim policy of {template}", size), "shorten the template's name")
    return made


def document(statements: Iterable[Mapping[str, Any]]) -> Document:
    """A policy of these statements."""
    return {"Version": VERSION, "Statement": [dict(each) for each in statements]}


def allow(action: str, resources: Sequence[str], **more: Any) -> Document:  # noqa: ANN401 - parts of a statement
    """A statement that allows an action on resources."""
    return {"Effect": "Allow", "Action": action, "Resource": list(resources), **more}


def text_of(policy: Mapping[str, Any]) -> str:
    """A policy as it is sent: nothing between its parts."""
    return json.dumps(policy, separators=(",", ":"))


def size_of(policy: Mapping[str, Any]) -> int:
    """Its bytes as AWS counts them: without white space."""
    return len("".join(text_of(policy).split()).encode())


def _connected(scope: Scope, permissions: Permissions) -> Iterator[Document]:
    yield allow("iot:Connect", [scope.arn(f"client/{THING}")], Condition=_ATTACHED)
    if permissions.role_alias is not None:
        yield allow("iot:AssumeRoleWithCertificate", [scope.arn(f"rolealias/{permissions.role_alias}")])


def _renewing(scope: Scope, template: str) -> dict[str, Document]:
    """No topic of these has the thing's name in it, so whoever is no thing's is kept away in another way."""
    calls = _provisioning(template)
    parts = {
        SAY: _publish(scope, calls),
        SUBSCRIBE: _subscribe(scope, _answers(calls)),
        RECEIVE: _receive(scope, _answers(calls)),
    }
    return {part: {**statement, "Condition": _ATTACHED} for part, statement in parts.items()}


def _provisioning(template: str) -> tuple[str, ...]:
    return (
        "$aws/certificates/create-from-csr/json",
        f"$aws/provisioning-templates/{template}/provision/json",
    )


def _answers(calls: Sequence[str]) -> list[str]:
    return [f"{call}/{answer}" for call in calls for answer in _ANSWERS]


def _things(what: str, below: Sequence[str]) -> list[str]:
    return [f"$aws/things/{THING}/{what}/{each}" for each in below]


def _publish(scope: Scope, topics: Sequence[str]) -> Document:
    return allow("iot:Publish", [scope.arn(f"topic/{each}") for each in topics])


def _subscribe(scope: Scope, topics: Sequence[str]) -> Document:
    return allow("iot:Subscribe", [scope.arn(f"topicfilter/{each}") for each in topics])


def _receive(scope: Scope, topics: Sequence[str]) -> Document:
    return allow("iot:Receive", [scope.arn(f"topic/{each}") for each in topics])


def _topic(scope: Scope, direction: str, topic: str) -> str:
    return f"{direction}/{scope.fleet}/{scope.group}/{THING}/{topic}"


def _refuse_wildcards(topic: str) -> None:
    if not _TOPIC.fullmatch(topic):
        raise PolicyError(
            f"the topic {topic!r} would need a wildcard, or is none",
            "name every topic by itself: parts of letters, digits and _ . - with / between",
        )


def _refuse_large(scope: Scope, topics: Sequence[str], part: str, policy: Document) -> None:
    if (size := size_of(policy)) <= MOST_BYTES:
        return
    right = f"shorten the names of the fleet ({len(scope.fleet)}) and the group ({len(scope.group)} letters)"
    if topics:
        longest = ", ".join(sorted(dict.fromkeys(topics), key=len, reverse=True)[:3])
        right = (
            f"name fewer topics ({len(topics)} are named) or shorten them (longest: {longest}): one takes "
            f"{_cost(scope, topics[0])} bytes or so; or {right}"
        )
    raise PolicyError(_too_large(f"the policy of {scope.group} ({part})", size), right)


def _cost(scope: Scope, topic: str) -> int:
    return len(scope.arn(f"topic/{_topic(scope, DATA, topic)}")) + len('"",')


def _too_large(named: str, size: int) -> str:
    return f"{named} would have {size:,} bytes; AWS takes {MOST_BYTES:,}"
