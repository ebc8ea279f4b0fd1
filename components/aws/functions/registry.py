"""The calls of AWS IoT that both functions make: each may be made twice, as Lambda repeats what failed.

Operations and errors: botocore's models iot 2015-05-28 and iot-data 2015-05-28.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Client(Protocol):
    """A client of boto3, of AWS IoT or of its data plane. Its operations are made at run time."""

    @property
    def exceptions(self) -> Any:  # noqa: ANN401 - made at run time
        """Classes of the service's errors."""

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - made at run time
        """An operation."""


@dataclass(frozen=True)
class Thing:
    """What the registry knows of a thing."""

    type_name: str | None
    principals: tuple[str, ...]
    """ARNs of the certificates that are attached to it."""
    billing_group: str | None = None

    def fault(self, name: str, type_name: str) -> str | None:
        """Why it is not for a device of a group with this type; None when it is."""
        if self.type_name == type_name:
            return None
        return f"{name} is in the registry as another kind of thing (its type: {self.type_name or 'none'})"


def thing(iot: Client, name: str) -> Thing | None:
    """A thing, or None when there is none of the name."""
    try:
        found = iot.describe_thing(thingName=name)
    except iot.exceptions.ResourceNotFoundException:
        return None
    principals = tuple(_principals(iot, name))
    return Thing(found.get("thingTypeName"), principals, found.get("billingGroupName"))


def _principals(iot: Client, name: str) -> Iterator[str]:
    page = iot.list_thing_principals(thingName=name)
    yield from page["principals"]
    while page.get("nextToken"):
        page = iot.list_thing_principals(thingName=name, nextToken=page["nextToken"])
        yield from page["principals"]


def make_thing(
    iot: Client, name: str, type_name: str, attributes: Mapping[str, str], billing_group: str | None
) -> None:
    """Create a thing; the very same thing may be there."""
    payload = {"attributes": dict(attributes)}
    billed = {} if billing_group is None else {"billingGroupName": billing_group}
    iot.create_thing(thingName=name, thingTypeName=type_name, attributePayload=payload, **billed)


def complete_thing(iot: Client, name: str, attributes: Mapping[str, str]) -> None:
    """Add attributes to a thing that is there; others it keeps."""
    if attributes:
        payload = {"attributes": dict(attributes), "merge": True}
        iot.update_thing(thingName=name, attributePayload=payload)


def bill(iot: Client, name: str, billing_group: str | None, held: str | None) -> None:
    """Put a thing that is there into a billing group; one that is in a group stays there."""
    if billing_group is not None and held is None:
        iot.add_thing_to_billing_group(billingGroupName=billing_group, thingName=name)


def join(iot: Client, name: str, certificate_arn: str, group: str, policies: Sequence[str]) -> None:
    """Put a thing into its group, give it its certificate, and that its policies."""
    iot.add_thing_to_thing_group(thingGroupName=group, thingName=name)
    for policy in policies:
        iot.attach_policy(policyName=policy, target=certificate_arn)
    iot.attach_thing_principal(thingName=name, principal=certificate_arn)


def begin_shadow(data: Client, name: str, desired: Mapping[str, Any]) -> None:
    """Give a thing its first shadow; one that has a shadow keeps it."""
    if not desired:
        return
    try:
        data.get_thing_shadow(thingName=name)
    except data.exceptions.ResourceNotFoundException:
        payload = json.dumps({"state": {"desired": dict(desired)}}).encode()
        data.update_thing_shadow(thingName=name, payload=payload)
