"""Names that a program leaves to the provider, by pulumi-aws' and aws-native's rule. No IO."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from localcloud.providers.boto.entries import Kind
from localcloud.providers.plugin import Declaration

CREATE_FIRST = "__createBeforeDelete"
"""Noted in the inputs when the name is random: a replacement can then stand beside the old one."""

_DIGITS = 7


def with_name(kind: Kind, declaration: Declaration) -> dict[str, Any]:
    """The inputs with a name: the program's own, else the one in state, else a new one."""
    inputs, old = dict(declaration.new), declaration.old
    if not kind.name or kind.name in inputs or f"{kind.name}Prefix" in inputs:
        return inputs
    if kind.name in old:
        return inputs | {key: old[key] for key in (kind.name, CREATE_FIRST) if key in old}
    name = _new_name(kind, declaration)
    if name is None:
        return inputs
    if kind.naming.finish is not None:
        name = kind.naming.finish(name, inputs)
    return inputs | {kind.name: name} | ({} if kind.naming.copied else {CREATE_FIRST: True})


def _new_name(kind: Kind, declaration: Declaration) -> str | None:
    proposal, naming = declaration.proposal, kind.naming
    if proposal is not None and proposal.mode == "disable":
        return None
    if proposal is not None:
        return proposal.name
    if naming.copied:
        return declaration.name
    digits = hashlib.sha256(declaration.seed or secrets.token_bytes(16)).hexdigest()[:_DIGITS]
    stem = declaration.name[: naming.longest - _DIGITS - len(naming.separator)]
    return f"{stem}{naming.separator}{digits}"
