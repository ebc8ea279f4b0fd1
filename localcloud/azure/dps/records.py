"""Registrations as data: what an admitted device is, what it was given, and the record that is kept.

The record has the shape of DeviceRegistrationState (service.json and device.json 2021-10-01), and two
fields of our own that no API shows as they are: `operationId` and `enrollmentGroupId`.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Literal

Record = dict[str, Any]
Substatus = Literal[
    "initialAssignment", "deviceDataMigrated", "deviceDataReset", "reprovisionedToInitialAssignment"
]
_OWN = ("operationId", "enrollmentGroupId")


@dataclass(frozen=True, slots=True)
class Match:
    """An admitted device: the group that its verified chain belongs to, and its leaf's SHA-256 in hex."""

    dps: str
    registration_id: str
    group_id: str
    thumbprint: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A registered device. `state` is the registrationState of the device protocol."""

    operation_id: str
    hub_host: str
    device_id: str
    group_id: str
    state: Record


def new_record(
    match: Match, host: str, device_id: str, substatus: Substatus, created: str, now: str
) -> Record:
    """The record of a device that has its hub; `created` and `now` are ISO 8601 times."""
    return {
        "registrationId": match.registration_id,
        "createdDateTimeUtc": created,
        "assignedHub": host,
        "deviceId": device_id,
        "status": "assigned",
        "substatus": substatus,
        "lastUpdatedDateTimeUtc": now,
        "etag": str(uuid.uuid4()),
        "operationId": f"4.{uuid.uuid4().hex[:16]}.{uuid.uuid4()}",
        "enrollmentGroupId": match.group_id,
    }


def shown_record(record: Record) -> Record:
    """The record as the service API shows it."""
    return {key: value for key, value in record.items() if key not in _OWN}


def as_assignment(record: Record) -> Assignment:
    """The record as the device protocol tells it."""
    group_id = record["enrollmentGroupId"]
    return Assignment(
        operation_id=record["operationId"],
        hub_host=record["assignedHub"],
        device_id=record["deviceId"],
        group_id=group_id,
        state={"x509": {"enrollmentGroupId": group_id}, **shown_record(record)},
    )
