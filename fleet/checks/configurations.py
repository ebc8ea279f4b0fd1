"""Automatic device management: targets, contents and how many a hub takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fleet import twins
from fleet.checks.findings import Check, unknown
from fleet.description import Configuration, Content, EdgeContent, Fleet, ModuleContent
from fleet.errors import Finding, Path, named, shown
from fleet.queries import metric_fault, target_fault

_CONFIGURATIONS_MOST = {"paid": 100, "free": 20}
_DEPLOYMENTS_MOST = {"paid": 100, "free": 10}
_DEPLOYED_MODULES_MOST = 50
"""The first two: "IoT Hub quotas and throttling"; the last: "Understand Azure IoT Edge limits and
restrictions", learn.microsoft.com."""
_AGENT = "$edgeAgent"


def _hubs_exist(fleet: Fleet) -> Iterator[Finding]:
    for key, configuration in fleet.configurations.items():
        for index, hub in enumerate(configuration.hubs):
            path: Path = ("configurations", key, "hubs", index)
            yield from unknown(path, hub, fleet.on_azure.hubs, "hub", ("azure", "hubs"))


def _queries_parse(fleet: Fleet) -> Iterator[Finding]:
    for key, configuration in fleet.configurations.items():
        path: Path = ("configurations", key)
        modules = isinstance(configuration.content, ModuleContent)
        fault = target_fault(configuration.target, modules=modules)
        if fault is not None:
            yield Finding((*path, "target"), *fault, needs=((*path, "content"),))
        for name, query in configuration.metrics.items():
            fault = metric_fault(query)
            if fault is not None:
                yield Finding((*path, "metrics", name), *fault)


def _hubs_take_so_many(fleet: Fleet) -> Iterator[Finding]:
    for hub_key, hub in fleet.on_azure.hubs.items():
        tier = "free" if hub.sku == "F1" else "paid"
        there = [key for key, each in fleet.configurations.items() if hub_key in each.hubs]
        edge = [key for key in there if isinstance(fleet.configurations[key].content, EdgeContent)]
        others = [key for key in there if key not in edge]
        needs: tuple[Path, ...] = (("azure", "hubs", hub_key, "sku"),)
        for keys, most, noun in (
            (others, _CONFIGURATIONS_MOST[tier], "configurations"),
            (edge, _DEPLOYMENTS_MOST[tier], "IoT Edge deployments"),
        ):
            if len(keys) > most:
                wrong = f"{len(keys)} {noun} in hub {named(hub_key)}"
                right = f"{hub.sku} has at most {most}"
                yield Finding(("configurations", keys[most]), wrong, right, at_key=True, needs=needs)


def _sections(content: Content) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """What each twin is told, by its place in the description."""
    match content:
        case EdgeContent():
            for module, sections in content.modules.items():
                yield ("edge", "modules", module), sections
        case ModuleContent():
            yield ("module", "twin"), content.twin
        case _:
            yield ("device", "twin"), content.twin


def _contents(fleet: Fleet) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for key, configuration in fleet.configurations.items():
        for below, sections in _sections(configuration.content):
            yield ("configurations", key, "content", *below), sections


def _paths_do_not_overlap(fleet: Fleet) -> Iterator[Finding]:
    for path, sections in _contents(fleet):
        for inner in sections:
            outer = next((each for each in sections if inner.startswith(f"{each}.")), None)
            if outer is not None:
                wrong = f"{shown(outer)} sets it already"
                yield Finding((*path, inner), wrong, "put it all under one of the two", at_key=True)


def _contents_fit_twins(fleet: Fleet) -> Iterator[Finding]:
    """What is told becomes desired properties, with their limits."""
    for path, sections in _contents(fleet):
        for section, value in sections.items():
            document = value if isinstance(value, Mapping) else {section.split(".")[-1]: value}
            yield from twins.findings(document, (*path, section), twins.DESIRED_BYTES)


def _deployments_have_an_agent(fleet: Fleet) -> Iterator[Finding]:
    """Without a word to the agent nothing is deployed: "Learn how to deploy modules and establish routes in
    IoT Edge", learn.microsoft.com."""
    for key, configuration in fleet.configurations.items():
        if isinstance(configuration.content, EdgeContent):
            yield from _deployed(("configurations", key, "content", "edge", "modules"), configuration)


def _deployed(path: Path, configuration: Configuration) -> Iterator[Finding]:
    modules = getattr(configuration.content, "modules", {})
    if modules and _AGENT not in modules:
        wrong = f"nothing for {_AGENT}, which starts the modules"
        right = f"add {_AGENT} with properties.desired, or for a layer properties.desired.modules.NAME"
        yield Finding(path, wrong, right)
    whole = modules.get(_AGENT, {}).get("properties.desired", {})
    count = len(whole.get("modules", {})) if isinstance(whole, Mapping) else 0
    if count > _DEPLOYED_MODULES_MOST:
        right = f"a deployment has at most {_DEPLOYED_MODULES_MOST}"
        yield Finding((*path, _AGENT, "properties.desired", "modules"), f"{count} modules", right)


CHECKS: tuple[Check, ...] = (
    _hubs_exist,
    _queries_parse,
    _hubs_take_so_many,
    _paths_do_not_overlap,
    _contents_fit_twins,
    _deployments_have_an_agent,
)
