"""The stand-ins for aws and aws-native take what the published SDKs have, or refuse it by name."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi._types import input_type_py_to_pulumi_names, resource_pulumi_to_py_names

from localcloud.providers import aws, aws_native
from localcloud.providers.aws.functions import FUNCTIONS
from localcloud.providers.aws.table import KINDS as CLASSIC
from localcloud.providers.aws_native.plugin import FUNCTIONS as NATIVE_FUNCTIONS
from localcloud.providers.aws_native.table import KINDS as NATIVE
from localcloud.providers.boto import models
from localcloud.providers.boto.entries import Kind
from localcloud.providers.shapes import Coded, ListOf, MapOf, Record, Shape

_KEYWORDS = {"lambda": "lambda_"}


@pytest.fixture(params=(*CLASSIC, *NATIVE), ids=lambda kind: kind.token)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_versions() -> None:
    assert importlib.metadata.version("pulumi-aws") == aws.PLUGIN_VERSION
    assert importlib.metadata.version("pulumi-aws-native") == aws_native.PLUGIN_VERSION


def test_token_is_that_of_the_sdk(kind: Kind) -> None:
    assert f"'{kind.token}'," in inspect.getsource(_class(kind))


def test_inputs_are_those_of_the_sdk(kind: Kind) -> None:
    ours = set(_ours("", models.inputs(kind)))
    theirs = {path for path, _ in _theirs("", *_arguments(kind), ())}
    unserved = {it for it in theirs if _unserved(kind, it)}
    assert ours == theirs - unserved
    assert {_path(it) for it in kind.unserved} <= theirs


def test_what_is_demanded_is_what_the_sdk_demands(kind: Kind) -> None:
    _, arguments = _arguments(kind)
    names = input_type_py_to_pulumi_names(arguments)
    signature = inspect.signature(arguments.__init__).parameters
    theirs = {names[name] for name, it in signature.items() if name in names and it.default is it.empty}
    ours = {name for name, it in kind.properties.items() if it.required}
    assert ours - {kind.name} == theirs - {kind.name}


def test_what_is_demanded_inside_is_demanded_here(kind: Kind) -> None:
    """The service may demand more: what its model does not do without."""
    theirs = {path for path, is_demanded in _theirs("", *_arguments(kind), ()) if is_demanded and "." in path}
    ours = set(_ours("", models.inputs(kind), demanded=True))
    assert {it for it in theirs if not _unserved(kind, it)} <= ours
    assert {_path(it) for it in kind.demanded} <= theirs


def test_outputs_are_those_of_the_sdk(kind: Kind) -> None:
    theirs = set(resource_pulumi_to_py_names(_class(kind)))
    ours = {*kind.properties, *kind.outputs}
    if kind.is_regional:
        ours.add("region")
    if kind.token.startswith("aws:") and "tags" in kind.properties:
        ours.add("tagsAll")
    assert ours <= theirs


def test_secret_outputs_are_those_of_the_sdk(kind: Kind) -> None:
    found = re.search(r"additional_secret_outputs=\[(.*?)\]", inspect.getsource(_class(kind)))
    theirs = set(re.findall(r'"(\w+)"', found[1])) if found else set()
    ours = set(kind.secrets) | {name for name, it in kind.properties.items() if it.secret}
    assert ours == theirs - kind.unserved


@pytest.mark.parametrize("kind", NATIVE, ids=lambda kind: kind.token)
def test_replacements_are_those_of_the_sdk(kind: Kind) -> None:
    found = re.search(r"replace_on_changes=\[(.*?)\]\)", inspect.getsource(_class(kind)))
    assert found is not None
    theirs = {it.removesuffix("[*]").removesuffix(".*") for it in re.findall(r'"(.*?)"', found[1])}
    assert kind.replacing == theirs


@pytest.mark.parametrize("token", FUNCTIONS)
def test_functions_are_there(token: str) -> None:
    module, _, name = token.partition(":")[2].partition("/")[0], "", token.rpartition(":")[2]
    place = "pulumi_aws" if module == "index" else f"pulumi_aws.{module}"
    assert token in inspect.getsource(getattr(importlib.import_module(place), _snake(name)))


@pytest.mark.parametrize("token", NATIVE_FUNCTIONS)
def test_native_functions_are_there(token: str) -> None:
    method = getattr(importlib.import_module("pulumi_aws_native"), _snake(token.rpartition(":")[2]))
    assert token in inspect.getsource(method)


def _class(kind: Kind) -> Any:
    provider, module, name = kind.token.split(":")
    module = module.partition("/")[0]
    package = f"pulumi_{provider.replace('-', '_')}"
    with warnings.catch_warnings():  # of classes that the modules mark as old, and nobody asked for
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(importlib.import_module(f"{package}.{_KEYWORDS.get(module, module)}"), name)


def _arguments(kind: Kind) -> tuple[Any, Any]:
    module = importlib.import_module(_class(kind).__module__.rpartition(".")[0])
    name = _class(kind).__name__
    return module, getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")


def _unserved(kind: Kind, path: str) -> bool:
    return any(path == it or path.startswith(f"{it}.") for it in map(_path, kind.unserved))


def _path(place: str) -> str:
    return place.replace("[]", "")


def _ours(place: str, record: Record, *, demanded: bool = False) -> Iterator[str]:
    for name, field in record.writable.items():
        if field.required or not demanded:
            yield f"{place}{name}"
        yield from _inside(f"{place}{name}.", field.shape, demanded)


def _inside(place: str, shape: Shape, demanded: bool) -> Iterator[str]:
    if isinstance(shape, Record):
        yield from _ours(place, shape, demanded=demanded)
    elif isinstance(shape, ListOf | MapOf):
        yield from _inside(place, shape.item, demanded)
    elif isinstance(shape, Coded):
        yield from _inside(place, shape.shape, demanded)


def _theirs(place: str, module: Any, arguments: Any, above: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """The SDK's properties as they go over the wire, and whether it demands them.

    Documents of policies are one value here.
    """
    names = input_type_py_to_pulumi_names(arguments)
    for name, parameter in inspect.signature(arguments.__init__).parameters.items():
        if name not in names:
            continue
        path = f"{place}{names[name]}"
        yield path, parameter.default is parameter.empty
        for shared, inner in set(re.findall(r"'(_root_inputs\.)?(\w+Args)'", str(parameter.annotation))):
            home = importlib.import_module(module.__name__.partition(".")[0]) if shared else module
            if inner not in (*above, "PolicyDocumentArgs"):
                yield from _theirs(f"{path}.", home, getattr(home, inner), (*above, inner))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
