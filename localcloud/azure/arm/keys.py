"""Shared access policies: their keys are made with the resource and shown by listkeys only."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.resources import Draft, World
from localcloud.azure.gate import KEYS
from localcloud.calls import Answer, Call
from localcloud.store import Document

_SLOTS = ("primaryKey", "secondaryKey")


def keep_policies(world: World, draft: Draft, defaults: Mapping[str, str]) -> None:
    """Store the policies of a resource: those given, else those it has, else `defaults` (name -> rights)."""
    known = {it["keyName"]: it for it in policies(world, draft.id)}
    usual = list(known.values()) or [{"keyName": it, "rights": defaults[it]} for it in defaults]
    wanted = draft.properties.get("authorizationPolicies") or usual
    world.store.put(KEYS, draft.id.lower(), {"policies": [_with_keys(it, known) for it in wanted]})


def policies(world: World, resource_id: str) -> list[dict[str, Any]]:
    """The policies of a resource, with keys."""
    found = world.store.get(KEYS, resource_id.lower()) or {"policies": []}
    return list(found["policies"])


def list_keys(world: World, document: Document, _call: Call, _names: Mapping[str, str]) -> Answer:
    """POST …/listkeys."""
    return Answer(body={"value": policies(world, document["id"])})


def list_key(world: World, document: Document, _call: Call, names: Mapping[str, str]) -> Answer:
    """POST …/{keys}/{key}/listkeys: one policy."""
    for it in policies(world, document["id"]):
        if it["keyName"].lower() == names["key"].lower():
            return Answer(body=it)
    raise ArmError(404, "NotFound", f"{document['id']} has no shared access policy '{names['key']}'.")


def _with_keys(policy: dict[str, Any], known: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    before = known.get(policy["keyName"], {})
    keys = {slot: policy.get(slot) or before.get(slot) or _new_key() for slot in _SLOTS}
    return {"keyName": policy["keyName"], **keys, "rights": policy["rights"]}


def check_keys(draft: Draft) -> None:
    """Add a fault for each given key that is none."""
    given = draft.properties.get("authorizationPolicies")
    for n, policy in enumerate(given if isinstance(given, list) else []):
        for slot in _SLOTS:
            if isinstance(policy, dict) and slot in policy and not _good_key(policy[slot]):
                where = f"properties.authorizationPolicies[{n}].{slot}"
                draft.wrong(where, "must be base64 of 16 to 64 bytes")


def _good_key(text: object) -> bool:
    try:
        return isinstance(text, str) and 16 <= len(base64.b64decode(text, validate=True)) <= 64
    except (binascii.Error, ValueError):
        return False


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
