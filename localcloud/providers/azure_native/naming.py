"""Names and locations that a program leaves to the provider, by azure-native's rules. No IO."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.providers.azure_native import models
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.plugin import Declaration
from localcloud.providers.wire import UNKNOWN, Data

CREATE_FIRST = "__createBeforeDelete"
"""Noted in the inputs when the name is random: a replacement can then stand beside the old one."""

_SUFFIX_DIGITS = 8


def with_name(kind: ResourceType, declaration: Declaration) -> dict[str, Any]:
    """The inputs with a name: the program's own, else the one in state, else a new one."""
    inputs = dict(declaration.new)
    if not kind.name or kind.name in inputs:
        return inputs
    if kind.name in declaration.old:
        kept = {kind.name: declaration.old[kind.name]}
        return (
            inputs | kept | {key: declaration.old[key] for key in (CREATE_FIRST,) if key in declaration.old}
        )
    name = _new_name(kind, declaration)
    if name is None:
        return inputs
    chosen = kind.auto_name == "copy" and declaration.proposal is None
    return inputs | {kind.name: name} | ({} if chosen else {CREATE_FIRST: True})


def _new_name(kind: ResourceType, declaration: Declaration) -> str | None:
    proposal = declaration.proposal
    if proposal is not None and proposal.mode == "disable":
        return None
    if proposal is not None and (proposal.mode == "enforce" or kind.auto_name != "uuid"):
        return proposal.name
    if kind.auto_name == "copy":
        return declaration.name
    digits = hashlib.sha256(declaration.seed or secrets.token_bytes(16)).hexdigest()
    if kind.auto_name == "uuid":
        return str(uuid.UUID(digits[:32], version=4))
    return declaration.name + digits[:_SUFFIX_DIGITS]


def with_location(
    kind: ResourceType,
    inputs: dict[str, Any],
    old: Data,
    default: str,
    group_location: Callable[[str], str | None],
) -> dict[str, Any]:
    """The inputs with a location: the program's own, else state's, else the stack's, else the group's."""
    if "location" not in models.request(kind).writable or "location" in inputs:
        return inputs
    location = old.get("location") or default or _of_group(inputs.get("resourceGroupName"), group_location)
    return inputs if location is None else inputs | {"location": location}


def _of_group(group: Data, group_location: Callable[[str], str | None]) -> Data:
    if group is UNKNOWN:
        return UNKNOWN
    return group_location(group) if isinstance(group, str) else None
