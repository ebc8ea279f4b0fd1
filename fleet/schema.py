"""The JSON Schema (draft 2020-12) of stack files, made from the description's shapes.

Editors complete and check stack files with it. It says what types and forms can say; what must hold between
fields is for `muster fleet check`. `stacks/fleet.schema.json` is its written form.
"""

from __future__ import annotations

import json
from functools import singledispatch
from typing import Any

from fleet.description import Fleet
from fleet.description.names import TWIN_KEY
from fleet.shapes import (
    ChoiceShape,
    Field,
    FlagShape,
    ListShape,
    MapShape,
    ObjectShape,
    OneOfShape,
    Shape,
    TextShape,
    TwinShape,
    WholeShape,
    shape_of,
)
from fleet.stackfile import FLEET_KEY, LOCATION_KEY, REGION_KEY

Schema = dict[str, Any]


def json_schema() -> Schema:
    """The schema of a whole stack file. Config of other programs and providers may stand beside the fleet."""
    definitions: Schema = {}
    fleet = _schema(shape_of(Fleet), definitions)
    location = {
        "type": "string",
        "description": "Default region of every Azure resource, such as westeurope.",
    }
    region = {"type": "string", "description": "Default region of every AWS resource, such as eu-west-1."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Muster stack",
        "description": "A Pulumi stack file whose config describes a fleet of devices.",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {LOCATION_KEY: location, REGION_KEY: region, FLEET_KEY: fleet},
                "required": [FLEET_KEY],
            }
        },
        "required": ["config"],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The schema as it is written to `stacks/fleet.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


@singledispatch
def _schema(shape: Shape, _definitions: Schema) -> Schema:
    """The schema of a shape; definitions that it refers to are added to the second argument."""
    raise TypeError(f"no schema for {shape!r}")


@_schema.register
def _(shape: TextShape, _definitions: Schema) -> Schema:
    return {"type": "string", "pattern": _whole(shape.text.pattern)}


@_schema.register
def _(shape: WholeShape, _definitions: Schema) -> Schema:
    if shape.bounds.among:
        return {"type": "integer", "enum": list(shape.bounds.among)}
    return {"type": "integer", "minimum": shape.bounds.least, "maximum": shape.bounds.most}


@_schema.register
def _(_shape: FlagShape, _definitions: Schema) -> Schema:
    return {"type": "boolean"}


@_schema.register
def _(shape: ChoiceShape, _definitions: Schema) -> Schema:
    return {"type": "string", "enum": list(shape.options)}


@_schema.register
def _(shape: ListShape, definitions: Schema) -> Schema:
    items = _schema(shape.item, definitions)
    return {
        "type": "array",
        "items": items,
        "uniqueItems": True,
        **_limits("Items", shape.count.least, shape.count.most),
    }


@_schema.register
def _(shape: MapShape, definitions: Schema) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": _whole(shape.key.pattern)},
        "additionalProperties": _schema(shape.value, definitions),
        **_limits("Properties", shape.count.least, shape.count.most),
    }


@_schema.register
def _(shape: TwinShape, definitions: Schema) -> Schema:
    reference = {"$ref": "#/$defs/TwinValue"}
    entries = {"propertyNames": {"pattern": _whole(TWIN_KEY.pattern)}, "additionalProperties": reference}
    definitions["TwinValue"] = {
        "description": "Any JSON value but null.",
        "type": ["string", "number", "boolean", "array", "object"],
        "items": reference,
        **entries,
    }
    return {"type": "object", **entries} if shape.whole else reference


@_schema.register
def _(shape: ObjectShape, definitions: Schema) -> Schema:
    name = shape.cls.__name__
    if name not in definitions:
        definitions[name] = {
            "description": shape.doc,
            "type": "object",
            "properties": {field.key: _field(field, definitions) for field in shape.fields},
            "required": [field.key for field in shape.fields if field.required],
            "additionalProperties": False,
            **_exclusions(shape),
        }
    return {"$ref": f"#/$defs/{name}"}


@_schema.register
def _(shape: OneOfShape, definitions: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            kind.key: {"description": kind.shape.doc, **_schema(kind.shape, definitions)}
            for kind in shape.kinds
        },
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _exclusions(shape: ObjectShape) -> Schema:
    """What may not stand beside what."""
    idle: dict[str, Schema] = {}
    for field in shape.fields:
        if field.not_with is not None:
            idle.setdefault(field.not_with, {})[field.key] = False
    schemas = {key: {"properties": properties} for key, properties in idle.items()}
    return {"dependentSchemas": schemas} if schemas else {}


def _field(field: Field, definitions: Schema) -> Schema:
    schema = {"description": field.doc, **_schema(field.shape, definitions)}
    if field.derived is not None:
        schema["description"] += f" Default: {field.derived.rule}."
    elif isinstance(field.default, bool | int | str):
        schema["default"] = field.default
    elif isinstance(field.default, tuple):
        schema["default"] = list(field.default)
    return schema


def _limits(what: str, least: int, most: int | None) -> Schema:
    limits = {f"min{what}": least} if least else {}
    return limits if most is None else {**limits, f"max{what}": most}


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"
