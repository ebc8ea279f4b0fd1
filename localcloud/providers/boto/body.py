"""Between what a program declares, what AWS takes and answers, and what the program sees. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.providers import assets
from localcloud.providers.boto import models
from localcloud.providers.boto.codecs import plain, same_document
from localcloud.providers.boto.entries import Kind
from localcloud.providers.documents import Projection, at, object_from_wire, object_to_wire
from localcloud.providers.paths import Path
from localcloud.providers.shapes import Coded, ListOf, Record, Shape
from localcloud.providers.wire import UNKNOWN, Data, Secret, Unknown, holds, reveal

_EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


def to_wish(kind: Kind, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the create of declared inputs, secrets opened."""
    declared = {name: it for name, it in reveal(inputs).items() if name != "region"}  # that is the way there
    return object_to_wire(declared, models.inputs(kind))


def to_inputs(kind: Kind, document: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of what was read that a program could have declared."""
    return object_from_wire(plain(document), models.seen(kind), writable=True)


def to_outputs(
    kind: Kind, document: Mapping[str, Any], inputs: Mapping[str, Any], region: str
) -> dict[str, Any]:
    """What the program sees: what was read, and what was declared and is never given back."""
    found = plain(document)
    computed = {name: at(found, tuple(place.split("."))) for name, place in kind.outputs.items()}
    unread = {
        name: it for name, it in inputs.items() if name in kind.properties and name not in models.seen(kind)
    }
    outputs = (
        unread | to_inputs(kind, document) | {name: it for name, it in computed.items() if it is not None}
    )
    if "tags" in kind.properties and kind.token.startswith("aws:"):
        outputs["tagsAll"] = outputs.get("tags") or {}
    if kind.is_regional:
        outputs["region"] = region
    return {name: _hidden(kind, name, it) for name, it in outputs.items()}


def _hidden(kind: Kind, name: str, value: Data) -> Data:
    is_secret = name in kind.secrets or (name in kind.properties and kind.properties[name].secret)
    return Secret(value) if is_secret and value and not isinstance(value, Secret) else value


def project(kind: Kind, declared: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """The live values of what was declared, and what is there though nobody declared it.

    What a service chooses where nothing is declared is none of it.
    """
    live, fields = to_inputs(kind, document), models.seen(kind)
    kept = {name: it for name, it in declared.items() if name not in fields}
    shown = {name: declared[name] for name in fields if name in declared}
    added = {
        name: it
        for name, it in live.items()
        if name not in declared and not kind.properties[name].computed and it not in _EMPTY
    }
    return kept | _PROJECTION.object(shown, live, fields) | added


def same(_name: str, declared: Data, live: Data) -> bool:
    """Whether two values mean the same: nothing and emptiness, one JSON document written in two ways."""
    left, right = reveal(declared), reveal(live)
    if left == right or (left in _EMPTY and right in _EMPTY):
        return True
    return not any(holds(it, Unknown) for it in (left, right)) and same_document(left, right)


def same_at(_path: Path, old: Data, new: Data) -> bool:
    """`same` for two declarations; assets are the same when their content is."""
    if assets.both(old, new):
        return bool(old.get("hash") == new.get("hash"))
    return same("", old, new)


_PROJECTION = Projection(same, lambda _name, _live: False)


def preview(kind: Kind, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What can be said of the outputs beforehand: what is declared, and on an update what was there."""
    chosen = {name for name, it in kind.properties.items() if it.computed}
    service = {*kind.outputs, *chosen, *(["region"] if kind.is_regional else [])}
    known = {name: outputs.get(name, UNKNOWN) for name in service if name not in inputs}
    declared = {name: it for name, it in inputs.items() if not name.startswith("__")}
    if "tags" in kind.properties and kind.token.startswith("aws:"):
        known["tagsAll"] = inputs.get("tags", {})
    secret = {
        name: Secret(it) for name, it in known.items() if name in kind.secrets and not isinstance(it, Secret)
    }
    return known | secret | declared


def ordered(inputs: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """The inputs with lists sorted whose order means nothing, so that no order is ever a difference."""
    return {
        name: _ordered(it, record.fields[name].shape) if name in record.fields else it
        for name, it in inputs.items()
    }


def _ordered(value: Data, shape: Shape) -> Data:
    if isinstance(shape, Coded):
        return _ordered(value, shape.shape)
    if isinstance(shape, Record) and isinstance(value, Mapping):
        return ordered(value, shape)
    if isinstance(shape, ListOf) and isinstance(value, list):
        items = [_ordered(it, shape.item) for it in value]
        sortable = shape.unordered and not holds(items, Unknown) and not holds(items, Secret)
        return sorted(items, key=repr) if sortable else items
    return value
