"""What a device may do, compiled to policies of AWS IoT. Pure: no pulumi.

A device connects under its thing's name, with a certificate attached to that thing, and reaches its own
topics one by one. There is no wildcard, except where a part of a topic cannot be known beforehand: the id of
a job ("Jobs device MQTT and HTTPS APIs"), for those who ask for jobs. Actions, resources and variables: "AWS
IoT Core policy actions", "AWS IoT Core action resources", "Thing policy variables", "Device Shadow MQTT
topics", "Device provisioning MQTT API" (AWS IoT Core developer guide).

A document has 2,048 bytes at most without white space (CreatePolicy, botocore iot 2015-05-28), and one with
everything would be larger. So shadow and jobs have documents of their own: ten policies can be attached to a
certificate ("AWS IoT Core endpoints and quotas").
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
OWN, SHADOW, JOBS = "own", "shadow", "jobs"
"""The parts of what a device may do, each a policy: its connection and topics, its shadow, its jobs."""

Document: TypeAlias = dict[str, Any]

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


def compiled(scope: Scope, permissions: Permissions) -> dict[str, Document]:
    """The policies, by part (OWN, SHADOW, JOBS). Raises PolicyError."""
    for topic in (*permissions.publish, *permissions.subscribe):
        _refuse_wildcards(topic)
    parts = {
        OWN: _own(scope, permissions),
        SHADOW: _things(scope, "shadow", _SHADOW_PUBLISHED, _SHADOW_HEARD),
    }
    if permissions.jobs:
        parts[JOBS] = _things(scope, "jobs", _JOBS_PUBLISHED, _JOBS_HEARD)
    documents = {part: document(statements) for part, statements in parts.items()}
    for part, each in documents.items():
        _refuse_large(scope, permissions, part, each)
    return documents


def claim(scope: Scope, template: str) -> Document:
    """What a claim certificate is good for: to have a certificate of one's own signed, and to be registered
    by one template. Raises PolicyError.

    The key must be the device's own (`create-from-csr`); `create`, where AWS makes it, is not allowed. The
    name that a device connects under is not bound: no thing has this certificate yet, and AWS documents `*`.
    """
    calls = (
        "$aws/certificates/create-from-csr/json",
        f"$aws/provisioning-templates/{template}/provision/json",
    )
    made = document(
        [
            allow("iot:Connect", [scope.arn("client/*")]),
            *_heard_and_said(scope, calls, [f"{call}/{answer}" for call in calls for answer in _ANSWERS]),
        ]
    )
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


def _own(scope: Scope, permissions: Permissions) -> Iterator[Document]:
    attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    yield allow("iot:Connect", [scope.arn(f"client/{THING}")], Condition=attached)
    said = [_topic(scope, DATA, topic) for topic in permissions.publish]
    heard = [_topic(scope, COMMANDS, topic) for topic in permissions.subscribe]
    yield from _heard_and_said(scope, said, heard)
    if permissions.role_alias is not None:
        yield allow("iot:AssumeRoleWithCertificate", [scope.arn(f"rolealias/{permissions.role_alias}")])


def _things(scope: Scope, what: str, said: Sequence[str], heard: Sequence[str]) -> Iterator[Document]:
    below = f"$aws/things/{THING}/{what}"
    return _heard_and_said(scope, [f"{below}/{each}" for each in said], [f"{below}/{each}" for each in heard])


def _heard_and_said(scope: Scope, said: Sequence[str], heard: Sequence[str]) -> Iterator[Document]:
    if said:
        yield allow("iot:Publish", [scope.arn(f"topic/{each}") for each in said])
    if heard:
        yield allow("iot:Subscribe", [scope.arn(f"topicfilter/{each}") for each in heard])
        yield allow("iot:Receive", [scope.arn(f"topic/{each}") for each in heard])


def _topic(scope: Scope, direction: str, topic: str) -> str:
    return f"{direction}/{scope.fleet}/{scope.group}/{THING}/{topic}"


def _refuse_wildcards(topic: str) -> None:
    if not _TOPIC.fullmatch(topic):
        raise PolicyError(
            f"the topic {topic!r} would need a wildcard, or is none",
            "name every topic by itself: parts of letters, digits and _ . - with / between",
        )


def _refuse_large(scope: Scope, permissions: Permissions, part: str, policy: Document) -> None:
    if (size := size_of(policy)) <= MOST_BYTES:
        return
    topics = [*permissions.publish, *permissions.subscribe]
    longest = ", ".join(sorted(dict.fromkeys(topics), key=len, reverse=True)[:3])
    right = f"shorten the names of the fleet ({len(scope.fleet)}) and the group ({len(scope.group)} letters)"
    if part == OWN and topics:
        right = (
            f"name fewer topics ({len(topics)} are named) or shorten them (longest: {longest}): one takes "
            f"{_cost(scope, topics[0])} bytes or so, and twice that where it is subscribed to; or {right}"
        )
    raise PolicyError(_too_large(f"the policy of {scope.group} ({part})", size), right)


def _cost(scope: Scope, topic: str) -> int:
    return len(scope.arn(f"topic/{_topic(scope, DATA, topic)}")) + len('"",')


def _too_large(named: str, size: int) -> str:
    return f"{named} would have {size:,} bytes; AWS takes {MOST_BYTES:,}"
