"""What a device or a claim may do by its description, and what not: rows for any evaluator, or a broker.

Written from what AWS says that topics mean ("Reserved topics", "Device Shadow MQTT topics", "Jobs device MQTT
API operations", AWS IoT Core developer guide), not from the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fleet import Fleet
from fleet.description.aws import Claim, Permissions

MINE, OTHERS = "mine-1", "others-1"
"""Two things of one group; the rows are asked by the first."""


@dataclass(frozen=True)
class Row:
    """An action on a resource, as policies have them without `iot:` and the ARN's head, and the answer."""

    action: str
    resource: str
    is_allowed: bool

    def __str__(self) -> str:
        return f"{'may' if self.is_allowed else 'may not'} {self.action} {self.resource}"


def of_device(fleet: Fleet, key: str, permissions: Permissions, thing: str = MINE) -> Iterator[Row]:
    """What a device of a group (or one that is enrolled by itself) may and may not do."""
    data, commands = (f"{kind}/{fleet.name}/{key}" for kind in ("dt", "cmd"))
    yield Row("Connect", f"client/{thing}", True)
    for name in permissions.publish:
        yield Row("Publish", f"topic/{data}/{thing}/{name}", True)
        yield Row("Publish", f"topic/{data}/{OTHERS}/{name}", False)
        yield Row("Publish", f"topic/{data}/{thing}/{name}/more", False)
        yield Row("Publish", f"topic/dt/{fleet.name}/another/{thing}/{name}", False)
        yield Row("Subscribe", f"topicfilter/{data}/{thing}/{name}", False)
    for name in permissions.subscribe:
        yield Row("Subscribe", f"topicfilter/{commands}/{thing}/{name}", True)
        yield Row("Receive", f"topic/{commands}/{thing}/{name}", True)
        yield Row("Subscribe", f"topicfilter/{commands}/{OTHERS}/{name}", False)
        yield Row("Receive", f"topic/{commands}/{OTHERS}/{name}", False)
        yield Row("Subscribe", f"topicfilter/{commands}/+/{name}", False)
        yield Row("Publish", f"topic/{commands}/{thing}/{name}", False)
    yield from _shadow(thing)
    yield from _jobs(thing, permissions.jobs)
    yield from _credentials(fleet)
    yield from _never(thing, data, commands)
    yield from _renewal(fleet, key)


def of_claim(fleet: Fleet, key: str) -> Iterator[Row]:
    """What a claim of a group may and may not do."""
    yield from _provisioning(fleet, key, True)
    yield Row("Publish", "topic/$aws/certificates/create/json", False)
    yield Row("Subscribe", "topicfilter/#", False)
    yield Row("Publish", f"topic/dt/{fleet.name}/{key}/{MINE}/telemetry", False)
    yield Row("Subscribe", f"topicfilter/cmd/{fleet.name}/{key}/{MINE}/commands", False)
    yield Row("Publish", f"topic/$aws/things/{MINE}/shadow/update", False)
    yield Row("Publish", f"topic/$aws/things/{MINE}/jobs/get", False)
    if fleet.on_aws.credentials is not None:
        yield Row("AssumeRoleWithCertificate", f"rolealias/{fleet.on_aws.credentials.role_alias}", False)


def _renewal(fleet: Fleet, key: str) -> Iterator[Row]:
    """Whether a device may ask for its next certificate: one of a group that says so."""
    group = fleet.groups.get(key)
    enrolment = group.aws.enrolment if group is not None and group.aws is not None else None
    yield from _provisioning(fleet, key, isinstance(enrolment, Claim) and enrolment.renews)


def _provisioning(fleet: Fleet, key: str, is_asked: bool) -> Iterator[Row]:
    create = "$aws/certificates/create-from-csr/json"
    provision = f"$aws/provisioning-templates/{fleet.name}-{key}/provision/json"
    for call in (create, provision):
        yield Row("Publish", f"topic/{call}", is_asked)
        yield Row("Publish", f"topic/{call}/accepted", False)
        for answer in ("accepted", "rejected"):
            yield Row("Subscribe", f"topicfilter/{call}/{answer}", is_asked)
            yield Row("Receive", f"topic/{call}/{answer}", is_asked)
    yield Row("Publish", "topic/$aws/provisioning-templates/another/provision/json", False)
    yield Row("Subscribe", "topicfilter/$aws/provisioning-templates/+/provision/json/accepted", False)


def _shadow(thing: str) -> Iterator[Row]:
    own, others = f"$aws/things/{thing}/shadow", f"$aws/things/{OTHERS}/shadow"
    for call in ("get", "update"):
        yield Row("Publish", f"topic/{own}/{call}", True)
        yield Row("Publish", f"topic/{others}/{call}", False)
        yield Row("Publish", f"topic/{own}/name/another/{call}", False)
        for answer in ("accepted", "rejected"):
            yield Row("Subscribe", f"topicfilter/{own}/{call}/{answer}", True)
            yield Row("Receive", f"topic/{own}/{call}/{answer}", True)
            yield Row("Subscribe", f"topicfilter/{others}/{call}/{answer}", False)
            yield Row("Publish", f"topic/{own}/{call}/{answer}", False)
    for told in ("delta", "documents"):
        yield Row("Subscribe", f"topicfilter/{own}/update/{told}", True)
        yield Row("Receive", f"topic/{own}/update/{told}", True)
        yield Row("Subscribe", f"topicfilter/$aws/things/+/shadow/update/{told}", False)
    yield Row("Publish", f"topic/{own}/delete", False)
    yield Row("Subscribe", f"topicfilter/{own}/#", False)


def _jobs(thing: str, is_asked: bool) -> Iterator[Row]:
    own, others = f"$aws/things/{thing}/jobs", f"$aws/things/{OTHERS}/jobs"
    for call in ("get", "start-next", "job-7/get", "job-7/update"):
        yield Row("Publish", f"topic/{own}/{call}", is_asked)
        yield Row("Publish", f"topic/{others}/{call}", False)
        for answer in ("accepted", "rejected"):
            yield Row("Subscribe", f"topicfilter/{own}/{call}/{answer}", is_asked)
            yield Row("Receive", f"topic/{own}/{call}/{answer}", is_asked)
            yield Row("Subscribe", f"topicfilter/{others}/{call}/{answer}", False)
    for told in ("notify", "notify-next"):
        yield Row("Subscribe", f"topicfilter/{own}/{told}", is_asked)
        yield Row("Receive", f"topic/{own}/{told}", is_asked)
        yield Row("Subscribe", f"topicfilter/{others}/{told}", False)
    yield Row("Subscribe", f"topicfilter/{own}/#", False)


def _credentials(fleet: Fleet) -> Iterator[Row]:
    given = fleet.on_aws.credentials
    if given is not None:
        yield Row("AssumeRoleWithCertificate", f"rolealias/{given.role_alias}", True)
    yield Row("AssumeRoleWithCertificate", "rolealias/another", False)


def _never(thing: str, data: str, commands: str) -> Iterator[Row]:
    yield Row("Connect", f"client/{OTHERS}", False)
    yield Row("Connect", f"client/{thing}1", False)
    yield Row("Publish", f"topic/{data}/{thing}/unnamed", False)
    for topics in ("#", "+", f"{data}/#", f"{commands}/{thing}/#", "$aws/events/#", "$aws/things/#"):
        yield Row("Subscribe", f"topicfilter/{topics}", False)
    for topic in (
        "$aws/rules/any/x",
        "$aws/certificates/create/json",
        "$aws/events/thing/x/created",
    ):
        yield Row("Publish", f"topic/{topic}", False)
    yield Row("RetainPublish", f"topic/{data}/{thing}/telemetry", False)
    for call in ("GetThingShadow", "UpdateThingShadow", "DeleteThingShadow"):
        yield Row(call, f"thing/{thing}", False)
