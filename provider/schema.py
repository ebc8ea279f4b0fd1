"""The provider's Pulumi schema, derived from the handlers' declarations: `pulumi import` writes programs
from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from provider.fields import Hint, Prop, is_record, item_hint, props
from provider.resource import Handler

Json: TypeAlias = dict[str, Any]

_SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def package_schema(handlers: Iterable[Handler[Any, Any]], version: str) -> Json:
    """The schema of the package `muster`, as Pulumi's package schema format has it."""
    every = list(handlers)
    return {
        "name": "muster",
        "displayName": "Muster",
        "version": version,
        "description": "What no other provider has: DPS enrollments, hub links and proof of possession.",
        "config": {},
        "provider": {"description": "Takes its credentials from the environment (see docs/provider.md)."},
        "types": {token: body for each in every for token, body in _types(each).items()},
        "resources": {each.token: _resource(each) for each in every},
    }


def _resource(handler: Handler[Any, Any]) -> Json:
    inputs, outputs = props(handler.inputs), props(handler.outputs)
    return {
        "description": handler.doc,
        "inputProperties": {each.name: _property(each, handler.token) for each in inputs},
        "requiredInputs": [each.name for each in inputs if each.required],
        "properties": {each.name: _property(each, handler.token) for each in (*inputs, *outputs)},
        "required": [each.name for each in (*inputs, *outputs) if not each.optional],
    }


def _property(each: Prop, token: str) -> Json:
    body = {"description": each.doc, **_type(each.hint, token)}
    if isinstance(each.fallback, str | bool | int | float):
        body["default"] = each.fallback
    if each.replaces:
        body["willReplaceOnChanges"] = True
    if each.secret:
        body["secret"] = True
    return body


def _type(hint: Hint, token: str) -> Json:
    if hint in _SCALARS:
        return {"type": _SCALARS[hint]}
    if is_record(hint):
        return {"$ref": f"#/types/{_type_token(hint, token)}"}
    if (inner := item_hint(hint)) is not None:
        return {"type": "array", "items": _type(inner, token)}
    return {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}


def _types(handler: Handler[Any, Any]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    waiting = [each.hint for each in (*props(handler.inputs), *props(handler.outputs))]
    while waiting:
        hint = waiting.pop()
        hint = item_hint(hint) or hint
        if is_record(hint):
            found[_type_token(hint, handler.token)] = _object(hint, handler.token)
            waiting += [each.hint for each in props(hint)]
    return found


def _object(cls: type, token: str) -> Json:
    return {
        "type": "object",
        "description": (cls.__doc__ or "").strip(),
        "properties": {each.name: _property(each, token) for each in props(cls)},
        "required": [each.name for each in props(cls) if each.required],
    }


def _type_token(cls: Hint, token: str) -> str:
    # muster:dps:EnrollmentGroup's InitialTwin is muster:dps:EnrollmentGroupInitialTwin
    return f"{token}{cls.__name__}"
