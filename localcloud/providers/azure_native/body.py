"""Between what a program declares, what ARM takes and answers, and what the program sees. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.providers.azure_native import models
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.documents import Projection, fill, object_from_wire, object_to_wire
from localcloud.providers.wire import Data, Secret, reveal

SECRETS = frozenset(
    {"primaryKey", "secondaryKey", "connectionString", "masterKey", "functionKeys", "systemKeys"}
)
"""Properties that hold a key, wherever they stand; ARM masks or leaves them out when it is read."""

_STABLE = ("name", "location", "type")


def to_body(kind: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The request body of declared inputs, secrets opened."""
    return object_to_wire(reveal(inputs), models.request(kind))


def to_outputs(kind: ResourceType, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the program sees of an ARM document: keys secret, `properties` lifted where azure-native does."""
    found = {name: value for name, value in document.items() if name != "id"}
    outputs = object_from_wire(found, models.answer(kind).fields)
    return {"azureApiVersion": kind.api_version} | _sealed(outputs)


def sealed(value: Data) -> Data:
    """The value with every key in it made secret."""
    if isinstance(value, Mapping):
        return _sealed(value)
    return [sealed(item) for item in value] if isinstance(value, list) else value


def _sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Secret(value) if name in SECRETS and not _is_masked(value) else sealed(value)
        for name, value in values.items()
    }


def to_inputs(kind: ResourceType, document: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of an ARM document that a program could have declared, path parameters apart."""
    return object_from_wire(document, models.request(kind).writable, writable=True)


def project(kind: ResourceType, declared: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The live values of what was declared. What the service added (defaults, links) is none of it.

    A key that ARM does not give back is taken to be as declared.
    """
    live = to_inputs(kind, document)
    fields = models.request(kind).writable
    kept = {name: it for name, it in declared.items() if name not in fields or name in kind.unread}
    shown = {name: declared[name] for name in fields if name in declared}
    return kept | _PROJECTION.object(shown, live, fields)


def _is_hidden(name: str, live: Data) -> bool:
    return name in SECRETS and _is_masked(live)


def _is_masked(live: Data) -> bool:
    """Whether ARM answered a key with nothing or with stars; one secret leaf hides all of `properties`."""
    return not live or (isinstance(live, str) and "****" in live)


def same(name: str, declared: Data, live: Data) -> bool:
    """Whether two values mean the same to ARM: the case of words and ids, the blanks of a location.

    ARM answers a role definition `/providers/…` with its id in the subscription.
    """
    if not (isinstance(declared, str) and isinstance(live, str)):
        return bool(declared == live)
    left, right = declared.casefold(), live.casefold()
    if name == "location":
        return left.replace(" ", "") == right.replace(" ", "")
    if left.startswith("/"):
        return left == right or (left.startswith("/providers/") and right.endswith(left))
    return declared == live


_PROJECTION = Projection(same, _is_hidden)


def preview(kind: ResourceType, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What can be said of the outputs beforehand: what is declared, and on an update what never changes.

    All that the service may add is unknown, at every depth, as azure-native says it.
    """
    known = fill(inputs, models.answer(kind), frozenset({"id"}))
    stable = {name: outputs[name] for name in _STABLE if name in outputs}
    return {"azureApiVersion": kind.api_version} | known | stable
