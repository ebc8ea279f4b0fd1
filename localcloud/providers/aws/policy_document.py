"""`aws:iam/getPolicyDocument`: statements to JSON, as the published provider writes it. No IO.

Single items stand for lists of one, as there; an `Sid` that was not given is left out. Documents to merge
(`sourcePolicyDocuments`, `overridePolicyDocuments`) are not served.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.providers.errors import ProviderError

_VERSION = "2012-10-17"
_SERVED = frozenset({"statements", "version", "policyId"})
_LISTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}
_WHO = {"principals": "Principal", "notPrincipals": "NotPrincipal"}


def rendered(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The function's answer. Raises `ProviderError`."""
    unserved = sorted(name for name, it in arguments.items() if it and name not in _SERVED)
    if unserved:
        raise ProviderError(f"getPolicyDocument: the local stand-in does not serve {', '.join(unserved)}")
    document: dict[str, Any] = {"Version": arguments.get("version") or _VERSION}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    document["Statement"] = [_statement(it) for it in arguments.get("statements") or ()]
    text = json.dumps(document, indent=2)
    return {
        **arguments,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "version": document["Version"],
    }


def _statement(declared: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if declared.get("sid"):
        made["Sid"] = declared["sid"]
    made["Effect"] = declared.get("effect") or "Allow"
    for name, key in _LISTS.items():
        if declared.get(name):
            made[key] = _one_or_all(sorted(declared[name], reverse=True))
    for name, key in _WHO.items():
        if declared.get(name):
            made[key] = _principals(declared[name])
    if declared.get("conditions"):
        made["Condition"] = _conditions(declared["conditions"])
    return made


def _one_or_all(items: Sequence[str]) -> Any:  # noqa: ANN401 - a text or a list
    return items[0] if len(items) == 1 else list(items)


def _principals(declared: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - a star or an object
    everybody = [it for it in declared if it["type"] == "*" and list(it["identifiers"]) == ["*"]]
    if everybody:
        return "*"
    return {it["type"]: _one_or_all(sorted(it["identifiers"], reverse=True)) for it in declared}


def _conditions(declared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, dict[str, Any]] = {}
    for it in declared:
        made.setdefault(it["test"], {})[it["variable"]] = _one_or_all(list(it["values"]))
    return made
