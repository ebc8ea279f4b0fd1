"""Values of a provisioning template: what is written as it is, `Ref`, and the intrinsic functions. Pure.

docs.aws.amazon.com/iot/latest/developerguide/provision-template.html, "Intrinsic functions": Fn::Join,
Fn::Select, Fn::FindInMap, Fn::Split and Fn::Sub. The page describes them under fleet provisioning and shows
the other kinds of templates with `Ref` alone, so `Functions` are off where a template is not for fleet
provisioning. What Fn::Sub takes is not on the page; it is CloudFormation's: `${Name}`, `${!Literal}`, and
optionally a map.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CERTIFICATE_ID = "AWS::IoT::Certificate::Id"
DEEPEST = 32
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
Mappings = Mapping[str, Mapping[str, Mapping[str, Any]]]


class TemplateError(ValueError):
    """The template or what it is applied to is at fault; the text is for the person."""


@dataclass(frozen=True)
class Surroundings:
    """What values may refer to: parameters with their values, mappings; and whether functions are known."""

    parameters: Mapping[str, str]
    mappings: Mappings
    functions: bool = True


def value_of(node: Any, around: Surroundings, path: str, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """What `node` comes to. Raises TemplateError with the path."""
    if depth > DEEPEST:
        raise TemplateError(f"{path} is nested deeper than {DEEPEST} levels")
    if isinstance(node, list):
        return [value_of(item, around, f"{path}[{n}]", depth + 1) for n, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    named = _function_in(node, path)
    if named is None:
        return {key: value_of(item, around, f"{path}.{key}", depth + 1) for key, item in node.items()}
    if named == "Ref":
        return referred(node["Ref"], around, path)
    if not around.functions:
        raise TemplateError(f"{path}: {named} is for fleet provisioning templates; here only Ref is known")
    if named == "Fn::FindInMap" or named not in _FUNCTIONS:
        return _found(named, node[named], around, path, depth)
    argument = value_of(node[named], around, f"{path}.{named}", depth + 1)
    return _FUNCTIONS[named](argument, around, path)


def text_of(node: Any, around: Surroundings, path: str) -> str:  # noqa: ANN401 - JSON
    """What `node` comes to, which must be text."""
    found = value_of(node, around, path)
    if not isinstance(found, str):
        raise TemplateError(f"{path} must come to a text, not to {_kind(found)}")
    return found


def referred(name: object, around: Surroundings, path: str) -> str:
    """The value of a parameter."""
    if not isinstance(name, str):
        raise TemplateError(f"{path}: Ref takes the name of a parameter, not {_kind(name)}")
    if name not in around.parameters:
        declared = ", ".join(sorted(around.parameters)) or "none"
        raise TemplateError(f"{path}: Ref names {name!r}, which is not declared; declared are {declared}")
    return around.parameters[name]


def names_in(node: object, depth: int = 0) -> Iterator[str]:
    """Every name that `Ref` and `Fn::Sub` refer to, below `node`."""
    if depth > DEEPEST:
        raise TemplateError(f"the template is nested deeper than {DEEPEST} levels")
    if isinstance(node, list):
        for item in node:
            yield from names_in(item, depth + 1)
    elif isinstance(node, dict):
        yield from _own_names(node)
        for item in node.values():
            yield from names_in(item, depth + 1)


def _own_names(node: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(node.get("Ref"), str) and len(node) == 1:
        yield node["Ref"]
    pattern, own = _sub_parts(node["Fn::Sub"]) if len(node) == 1 and "Fn::Sub" in node else ("", {})
    for name in _VARIABLE.findall(pattern):
        if not name.startswith("!") and name not in own:
            yield name


def _sub_parts(argument: object) -> tuple[str, Mapping[str, Any]]:
    """The text and the map of an Fn::Sub; empty where they have another shape, which `_sub` refuses."""
    if isinstance(argument, str):
        return argument, {}
    if isinstance(argument, list) and len(argument) == 2:
        text, own = argument
        if isinstance(text, str) and isinstance(own, dict):
            return text, own
    return "", {}


def _function_in(node: Mapping[str, Any], path: str) -> str | None:
    named = [key for key in node if key == "Ref" or key.startswith(("Fn::", "Fn:"))]
    if not named:
        return None
    if len(node) > 1:
        raise TemplateError(f"{path}: {named[0]} stands alone in its object, beside nothing else")
    return named[0]


def _found(named: str, argument: object, around: Surroundings, path: str, depth: int) -> Any:  # noqa: ANN401
    if named != "Fn::FindInMap":
        known = ", ".join(sorted({*_FUNCTIONS, "Fn::FindInMap"}))
        raise TemplateError(f"{path}: {named} is no function of provisioning templates; those are {known}")
    if not isinstance(argument, list) or len(argument) != 3:
        raise TemplateError(f"{path}: Fn::FindInMap takes [map, key, second key]")
    place: Any = around.mappings
    for n, part in enumerate(argument):
        key = value_of(part, around, f"{path}.{named}[{n}]", depth + 1)
        if not isinstance(key, str) or not isinstance(place, Mapping) or key not in place:
            raise TemplateError(f"{path}: Fn::FindInMap finds no {key!r} in Mappings")
        place = place[key]
    return place


def _join(argument: object, _around: Surroundings, path: str) -> str:
    parts = argument if isinstance(argument, list) else []
    if len(parts) != 2 or not isinstance(parts[0], str) or not _is_texts(parts[1]):
        raise TemplateError(f"{path}: Fn::Join takes [delimiter, [texts]]")
    return str(parts[0]).join(parts[1])


def _split(argument: object, _around: Surroundings, path: str) -> list[str]:
    parts = argument if isinstance(argument, list) else []
    if len(parts) != 2 or not _is_texts(parts) or not parts[0]:
        raise TemplateError(f"{path}: Fn::Split takes [delimiter, text], the delimiter not empty")
    return str(parts[1]).split(parts[0])


def _select(argument: object, _around: Surroundings, path: str) -> Any:  # noqa: ANN401 - JSON
    parts = argument if isinstance(argument, list) else []
    if len(parts) != 2 or not isinstance(parts[1], list):
        raise TemplateError(f"{path}: Fn::Select takes [index, [values]]")
    index = str(parts[0])
    if not re.fullmatch(r"\d{1,9}", index, re.ASCII) or isinstance(parts[0], bool):
        raise TemplateError(f"{path}: Fn::Select takes an index of 0 or more, not {parts[0]!r}")
    if int(index) >= len(parts[1]) or parts[1][int(index)] is None:
        raise TemplateError(f"{path}: Fn::Select finds nothing at {index} of {len(parts[1])} values")
    return parts[1][int(index)]


def _sub(argument: object, around: Surroundings, path: str) -> str:
    pattern, own = _sub_parts(argument)
    if not isinstance(argument, str) and not own and argument != [pattern, {}]:
        raise TemplateError(f"{path}: Fn::Sub takes a text, or [text, {{name: text}}]")

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        found = own[name] if name in own else referred(name, around, path)
        if not isinstance(found, str):
            raise TemplateError(f"{path}: Fn::Sub puts in texts, and {name} is {_kind(found)}")
        return found

    return _VARIABLE.sub(replaced, pattern)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(it, str) for it in value)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


_FUNCTIONS: Mapping[str, Callable[[Any, Surroundings, str], Any]] = {
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::Sub": _sub,
}
