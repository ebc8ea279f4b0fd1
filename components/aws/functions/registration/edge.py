"""What AWS Lambda calls with an event of `$aws/events/certificates/registered/{CA}`: it asks, has it decided,
and does it.

"Just-in-time registration" (AWS IoT Core developer guide) has the event's form. The activation comes last: a
call that fails before leaves the certificate pending, and Lambda calls again with the same event; what comes
of that too goes to the dead letters. A refusal is no failure: it is logged, and nothing is tried again.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from .. import certificates, registry
from .decision import Admitted, Done, Known, Refused, Settings, decide

_LOG = logging.getLogger("registration")
_LOG.setLevel(logging.INFO)
_SETTINGS = Path(__file__).parent / "settings.json"
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True)
class Clients:
    """The services that are asked."""

    iot: registry.Client
    data: registry.Client
    dynamodb: registry.Client
    revoked_table: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return register(event, _settings(), _clients(), datetime.now(UTC))


def register(event: Mapping[str, Any], settings: Settings, clients: Clients, now: datetime) -> dict[str, Any]:
    """Let a device in, or say why not. Raises what the services raise: then it is tried again."""
    certificate_id = str(event["certificateId"])
    described = clients.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    try:
        leaf = certificates.read(described["certificatePem"])
    except certificates.UnreadableCertificate as error:
        return _told(certificate_id, False, f"it cannot be read: {error}")
    known = Known(
        authority=described.get("caCertificateId"),
        status=described["status"],
        leaf=leaf,
        revoked=_revoked(clients, leaf.serial),
        thing=_thing(clients, leaf.common_name),
    )
    match decide(settings, known, now):
        case Refused(reason=reason):
            return _told(certificate_id, False, reason)
        case Done():
            return _told(certificate_id, True, "it was activated before")
        case Admitted() as admitted:
            _admit(admitted.name, known.thing, described, settings, clients)
            return _told(certificate_id, True, f"it is the certificate of {admitted.name}")


def _admit(
    name: str,
    thing: registry.Thing | None,
    described: Mapping[str, Any],
    settings: Settings,
    clients: Clients,
) -> None:
    iot = clients.iot
    if thing is None:
        registry.make_thing(iot, name, settings.thing_type, settings.attributes, settings.billing_group)
    else:
        registry.complete_thing(iot, name, settings.attributes)
        registry.bill(iot, name, settings.billing_group, thing.billing_group)
    registry.join(iot, name, described["certificateArn"], settings.thing_group, settings.policies)
    registry.begin_shadow(clients.data, name, settings.desired)
    iot.update_certificate(certificateId=described["certificateId"], newStatus="ACTIVE")


def _thing(clients: Clients, name: str) -> registry.Thing | None:
    # AWS refuses to be asked for what can be no thing's name; `decide` says so in words.
    is_name = name.isascii() and 0 < len(name) <= 128 and all(it.isalnum() or it in ":_-" for it in name)
    return registry.thing(clients.iot, name) if is_name else None


def _revoked(clients: Clients, serial: str) -> bool:
    found = clients.dynamodb.get_item(
        TableName=clients.revoked_table, Key={"serial": {"S": serial}}, ConsistentRead=True
    )
    return "Item" in found


def _told(certificate_id: str, activated: bool, reason: str) -> dict[str, Any]:
    answer = {"certificateId": certificate_id, "activated": activated, "reason": reason}
    _LOG.log(logging.INFO if activated else logging.WARNING, json.dumps(answer))
    return answer


@lru_cache(maxsize=1)
def _settings() -> Settings:
    read = json.loads(_SETTINGS.read_text("utf-8"))
    authorities = frozenset(os.environ["AUTHORITIES"].split(","))
    return Settings(**{**read, "authorities": authorities, "policies": tuple(read["policies"])})


@lru_cache(maxsize=1)
def _clients() -> Clients:
    data = f"https://{os.environ['DATA_ENDPOINT']}"
    return Clients(
        iot=boto3.client("iot", config=_CONFIG),
        data=boto3.client("iot-data", endpoint_url=data, config=_CONFIG),
        dynamodb=boto3.client("dynamodb", config=_CONFIG),
        revoked_table=os.environ["REVOKED_TABLE"],
    )
