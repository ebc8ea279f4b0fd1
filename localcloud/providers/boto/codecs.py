"""How Pulumi writes what a service's model has in another form. No IO."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from localcloud.providers.shapes import Coded, Judged, ListOf, MapOf, Record, Scalar, Shape
from localcloud.providers.wire import Data

STRING = Scalar("string")
FLAG = Scalar("boolean")
WHOLE = Scalar("integer")
ANY = Scalar("any")
_MOST_TAGS = 50  # "Tagging AWS resources", docs.aws.amazon.com/general

How = Callable[[Shape], Shape]


def flag(on: str, off: str) -> How:
    """True and false for two states."""
    return lambda _model: Coded(FLAG, lambda value: on if value else off, lambda value: value == on)


def pairs(name: str = "Key", value: str = "Value") -> How:
    """A map for a list of pairs."""

    def to(tags: Data) -> Data:
        return [{name: key, value: it} for key, it in tags.items()]

    def back(found: Data) -> Data:
        return dict(found) if isinstance(found, Mapping) else {it[name]: it[value] for it in found}

    def how(model: Shape) -> Shape:
        item = model.item if isinstance(model, ListOf) else None
        fields = item.fields if isinstance(item, Record) else {}
        named = {(field.wire or (key,))[0]: field.shape for key, field in fields.items()}
        return Coded(MapOf(named.get(value, STRING), named.get(name), _MOST_TAGS), to, back)

    return how


def listed(name: str = "Key", value: str = "Value") -> How:
    """Tags as aws-native writes them: objects of `key` and `value`."""

    def to(tags: Data) -> Data:
        return [{name: it["key"], value: it["value"]} for it in tags]

    def back(found: Data) -> Data:
        known = found.items() if isinstance(found, Mapping) else [(it[name], it[value]) for it in found]
        return [{"key": key, "value": it} for key, it in sorted(known)]

    def how(model: Shape) -> Shape:
        item = model.item if isinstance(model, ListOf) else None
        if not isinstance(item, Record):
            return model
        plain = {(field.wire or (key,))[0]: field for key, field in item.fields.items()}
        fields = {
            "key": replace(plain[name], wire=(), required=True),
            "value": replace(plain[value], wire=(), required=True),
        }
        return Coded(ListOf(Record("Tag", fields), maximum=_MOST_TAGS, unordered=True), to, back)

    return how


def document(model: Shape) -> Shape:
    """JSON: as a text, or as an object that is written as one."""

    def judge(value: Data) -> Sequence[str]:
        if isinstance(value, str) and not _parses(value):
            return ["it is no JSON"]
        return model.judge(_text(value)) if isinstance(model, Judged) else []

    return Coded(Judged("any", judge), _text, _text)


def _text(value: Data) -> Data:
    return value if isinstance(value, str) else json.dumps(value)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def counted(model: Shape) -> Shape:
    """A whole number that Pulumi writes as a text."""

    def judge(value: Data) -> Sequence[str]:
        if not value.isdecimal():
            return ["it is no whole number"]
        return model.judge(int(value)) if isinstance(model, Judged) else []

    return Coded(Judged("string", judge), int, str)


def texted(shape: Shape) -> Shape:
    """A number or flag that the service keeps as a text."""
    return Coded(shape, _as_text, _from_text)


def _as_text(value: Data) -> Data:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_text(value: Data) -> Data:
    if not isinstance(value, str):
        return value
    if value in ("true", "false"):
        return value == "true"
    return int(value) if value.lstrip("-").isdigit() else value


def many(model: Shape) -> Shape:
    """A list of what the model has once."""
    return ListOf(model)


def single(model: Shape) -> Shape:
    """The only item of a list."""
    item = model.item if isinstance(model, ListOf) else model
    return Coded(item, lambda value: [value], lambda found: found[0] if found else None)


def plain(value: Data) -> Data:
    """What botocore hands out, as JSON has it: times as texts, no bytes."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(it) for key, it in value.items()}
    if isinstance(value, list):
        return [plain(it) for it in value]
    return value


def same_document(left: Any, right: Any) -> bool:  # noqa: ANN401 - any value
    """Whether two texts are the same JSON; in policies a single item and a list of it are the same."""
    return (
        isinstance(left, str | Mapping)
        and isinstance(right, str | Mapping)
        and all(isinstance(it, Mapping) or it.lstrip()[:1] in ("{", "[") for it in (left, right))
        and _parses(_text(left))
        and _parses(_text(right))
        and _canonical(json.loads(_text(left))) == _canonical(json.loads(_text(right)))
    )


def _canonical(value: Data) -> Data:
    if isinstance(value, dict):
        return {key: _canonical(it) for key, it in value.items()}
    if isinstance(value, list):
        items = [_canonical(it) for it in value]
        return items[0] if len(items) == 1 else sorted(items, key=json.dumps)
    return value
