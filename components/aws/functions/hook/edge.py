"""What AWS IoT calls before it registers a device with a claim ("Pre-provisioning hooks", AWS IoT Core
developer guide): it asks, has it decided, counts, and answers.

AWS waits five seconds, and takes silence or an error for a no; Lambda is told to give up before that, and no
call waits long. So whatever fails here, nobody is let in.
"""

import json
import logging
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from .. import registry
from .decision import Admitted, Asked, Claim, Refused, Settings, asked, decide, presentable

_LOG = logging.getLogger("hook")
_LOG.setLevel(logging.INFO)
_SETTINGS = Path(__file__).parent / "settings.json"
_CONFIG = Config(connect_timeout=1, read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 2})
_COUNTER = "#"
"""Stands where devices have their names; no thing can be called so."""
_TRIES = 5
_COLLISION_SECONDS = 0.1


@dataclass(frozen=True)
class Clients:
    """The services that are asked."""

    iot: registry.Client
    data: registry.Client
    dynamodb: registry.Client
    table: str
    """Counts the devices of each claim; empty without a limit."""
    pause: Callable[[float], None] = time.sleep


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Lambda's entry."""
    return answer(event, _settings(), _clients(), datetime.now(UTC))


def answer(event: Mapping[str, Any], settings: Settings, clients: Clients, now: datetime) -> dict[str, Any]:
    """Whether the device may be registered. Raises what the services raise: AWS takes that for a no."""
    asking = asked(event)
    found = presentable(settings, asking, now)
    if isinstance(found, Refused):
        return _told(asking, found)
    thing = registry.thing(clients.iot, found.name)
    refused = decide(settings, asking, found, thing) or _over_the_limit(settings, asking, found, clients)
    if refused is not None:
        return _told(asking, refused)
    _begin(settings, found.name, clients, is_new=thing is None)
    return _told(asking, found)


def _begin(settings: Settings, name: str, clients: Clients, *, is_new: bool) -> None:
    """The first shadow. AWS documents no shadow without a thing, so the thing comes first; the template
    completes it.
    """
    if not settings.desired:
        return
    if is_new:
        registry.make_thing(clients.iot, name, settings.thing_type, {}, settings.billing_group)
    registry.begin_shadow(clients.data, name, settings.desired)


def _over_the_limit(settings: Settings, asking: Asked, found: Admitted, clients: Clients) -> Refused | None:
    """Count the device, once however often it asks. Both writes happen, or none (TransactWriteItems). A
    renewal counts for no claim.
    """
    if settings.limit is None or found.claim is None:
        return None
    for attempt in range(_TRIES):
        try:
            clients.dynamodb.transact_write_items(
                TransactItems=_writes(clients.table, asking.claim_id, found.name, settings.limit)
            )
        except clients.dynamodb.exceptions.TransactionCanceledException as error:
            known, full, *_ = (each.get("Code") for each in error.response["CancellationReasons"])
            if known == "ConditionalCheckFailed":
                return None
            if full == "ConditionalCheckFailed":
                return Refused(f"the claim {found.claim} has registered its {settings.limit} devices")
            if attempt == _TRIES - 1:
                raise
            clients.pause(random.uniform(0, _COLLISION_SECONDS))  # noqa: S311 - two that count at once
        else:
            return None
    raise AssertionError("the last attempt returns or raises")


def _writes(table: str, claim_id: str, name: str, limit: int) -> list[dict[str, Any]]:
    claim = {"S": claim_id}
    counted = {
        "TableName": table,
        "Key": {"claim": claim, "thing": {"S": _COUNTER}},
        "UpdateExpression": "ADD #n :one",
        "ConditionExpression": "attribute_not_exists(#n) OR #n < :limit",
        "ExpressionAttributeNames": {"#n": "registered"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":limit": {"N": str(limit)}},
    }
    device = {
        "TableName": table,
        "Item": {"claim": claim, "thing": {"S": name}},
        "ConditionExpression": "attribute_not_exists(thing)",
    }
    return [{"Put": device}, {"Update": counted}]


def _told(asking: Asked, outcome: Admitted | Refused) -> dict[str, Any]:
    allowed = isinstance(outcome, Admitted)
    told = {
        "claimCertificateId": asking.claim_id,
        "certificateId": asking.certificate_id,
        "thing": asking.name,
        "allowed": allowed,
        "reason": outcome.reason if isinstance(outcome, Refused) else _by(outcome),
    }
    _LOG.log(logging.INFO if allowed else logging.WARNING, json.dumps(told))
    return {"allowProvisioning": allowed}


def _by(admitted: Admitted) -> str:
    return "by its own certificate" if admitted.claim is None else f"by the claim {admitted.claim}"


@lru_cache(maxsize=1)
def _settings() -> Settings:
    """What this version of the function is told. While an update is under way its variables may be newer than
    its code (UpdateFunctionConfiguration and UpdateFunctionCode are two calls): a claim that only the one
    knows is not good yet, and the others are as before.
    """
    read = json.loads(_SETTINGS.read_text("utf-8"))
    names = json.loads(os.environ["CLAIMS"])
    lives = read["claims"]
    claims = {each: _claim(name, lives[name]) for each, name in names.items() if name in lives}
    return Settings(**{**read, "claims": claims})


def _claim(name: str, life: Mapping[str, str]) -> Claim:
    begins, ends = (datetime.fromisoformat(life[each]) for each in ("begins", "ends"))
    return Claim(name, begins, ends)


@lru_cache(maxsize=1)
def _clients() -> Clients:
    data = f"https://{os.environ['DATA_ENDPOINT']}"
    return Clients(
        iot=boto3.client("iot", config=_CONFIG),
        data=boto3.client("iot-data", endpoint_url=data, config=_CONFIG),
        dynamodb=boto3.client("dynamodb", config=_CONFIG),
        table=os.environ.get("CLAIMS_TABLE", ""),
    )
