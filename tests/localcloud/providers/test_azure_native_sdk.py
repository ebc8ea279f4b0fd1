"""The stand-in takes exactly what the published SDK of azure-native lets a program say, at every depth."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.providers.azure_native import PLUGIN_VERSION, models
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.azure_native.table import FUNCTIONS, TYPES
from localcloud.providers.azure_native.table.storage import BLOB
from localcloud.providers.shapes import ListOf, MapOf, OneOf, Record, Shape


@pytest.fixture(params=TYPES, ids=lambda kind: kind.token)
def kind(request: pytest.FixtureRequest) -> ResourceType:
    found: ResourceType = request.param
    return found


def test_version() -> None:
    assert importlib.metadata.version("pulumi-azure-native") == PLUGIN_VERSION


def test_inputs_are_those_of_the_sdk(kind: ResourceType) -> None:
    module, name = _sdk(kind.token)
    arguments = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    parameters = inspect.signature(arguments.__init__).parameters
    ours = set(_ours("", models.inputs(kind)))
    theirs = set(_theirs("", module, parameters, ()))
    assert ours == {it for it in theirs if _served(kind, it)}


def test_what_is_not_served_is_there(kind: ResourceType) -> None:
    module, name = _sdk(kind.token)
    arguments = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    theirs = set(_theirs("", module, inspect.signature(arguments.__init__).parameters, ()))
    named = {f"{place}.{it}" if place else it for place, its in kind.narrowed.items() for it in its}
    assert {_path(it) for it in kind.unserved | named} <= theirs


def _served(kind: ResourceType, path: str) -> bool:
    """Whether the table leaves a property in: what it names as not served, and what is below that, is out."""
    if any(path == it or path.startswith(f"{it}.") for it in map(_path, kind.unserved)):
        return False
    for place, parts in kind.narrowed.items():
        above = f"{_path(place)}." if place else ""
        inside = path.removeprefix(above).partition(".")[0]
        if (
            path.startswith(above)
            and inside not in map(_snake, parts)
            and inside not in map(_snake, kind.path_names)
        ):
            return False
    return True


def _path(place: str) -> str:
    return ".".join(_snake(it.removesuffix("[]")) for it in place.split("."))


def test_default_api_version_is_that_of_the_sdk(kind: ResourceType) -> None:
    module, name = _sdk(kind.token)
    says = re.search(
        r"Uses Azure REST API version (\S+?)\.(?:\s|$)", inspect.getsource(getattr(module, name))
    )
    if kind.token == BLOB:
        assert says is None  # the SDK's own resource, of no ARM API
    else:
        assert says is not None
        assert kind.api_version == says[1]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.token)
def test_functions_are_those_of_the_sdk(function: Any) -> None:
    module, name = _sdk(function.token)
    method = getattr(module, _snake(name))
    theirs = set(inspect.signature(method).parameters) - {"opts"}
    assert {_snake(it) for it in function.parameters} == theirs


def _sdk(token: str) -> tuple[Any, str]:
    _, module, name = token.split(":")
    return importlib.import_module(f"pulumi_azure_native.{module}"), name


def _ours(place: str, record: Record) -> Iterator[str]:
    for name, field in record.writable.items():
        yield f"{place}{_snake(name)}"
        yield from _inside(f"{place}{_snake(name)}.", field.shape)


def _inside(place: str, shape: Shape) -> Iterator[str]:
    if isinstance(shape, Record):
        yield from _ours(place, shape)
    elif isinstance(shape, OneOf):
        for record in shape.records.values():
            yield from _ours(place, record)
    elif isinstance(shape, ListOf | MapOf):
        yield from _inside(place, shape.item)


def _theirs(place: str, module: Any, parameters: Any, above: tuple[str, ...]) -> Iterator[str]:
    """The SDK's properties; a type inside itself is not opened again."""
    for name, parameter in parameters.items():
        if name == "__self__":
            continue
        yield f"{place}{name}"
        for inner in re.findall(r"'(\w+Args)'", str(parameter.annotation)):
            if inner not in above:
                nested = inspect.signature(getattr(module, inner).__init__).parameters
                yield from _theirs(f"{place}{name}.", module, nested, (*above, inner))


def _snake(name: str) -> str:
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", spaced).lower()
