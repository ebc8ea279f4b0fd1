"""muster:hub:Configuration: automatic device management, and IoT Edge deployments.

Service API 2021-04-12 ("Configuration identifier and Content cannot be updated": learn.microsoft.com/rest/
api/iothub/service/configuration). Another content is therefore another configuration. In the hub its id ends
with a hash of the content, so that the new one is made beside the old one, which goes last: of two with the
same priority the newer wins, so devices go from old content to new and never sit without. With `exactId` the
hub has the very id, and the old one has to go first (docs/adr/0007)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from provider.checking import Checked, Fault
from provider.clients.errors import ClientError
from provider.clients.hub_service import configuration_path
from provider.fields import prop, write_value
from provider.handlers import between, rules
from provider.handlers.configuration_targets import Configurations, reach
from provider.handlers.hub_identities import ADDRESS
from provider.resource import Notice, State
from provider.values import UNKNOWN, Plain, has_unknown
from provider.versioned import Document, Version, Versioned

CONTENTS = ("deviceContent", "moduleContent", "modulesContent")
HASH_DIGITS = 8
MOST_PRIORITY = 2**31 - 1
PLACEHOLDER = "{configurationId}"
"""In a metric's query: the id that the configuration has in the hub."""

_FIXED = "the service takes no other content for a configuration"
_BESIDE = f"{_FIXED}, so a new one is made beside it and the old one goes last: no device is without"
_FIRST = (
    f"{_FIXED}; with exactId the old one goes first, and until the new one is applied its devices are without"
)
_PATHS = "paths such as properties.desired.interval would be right"
_MODULES = re.compile(r"\s*from\s+devices\.modules\b", re.IGNORECASE)
_SETTING = re.compile(r"properties\.desired(\.[^.$\s]+)*")


def _settings(content: Mapping[str, Any]) -> str | None:
    wrong = [key for key in content if not _SETTING.fullmatch(str(key))]
    if wrong:
        return f"{', '.join(map(repr, wrong))} sets nothing: {_PATHS}"
    return None if content else f"it sets nothing: {_PATHS}"


def _deployment(content: Mapping[str, Any]) -> str | None:
    for module, settings in content.items():
        if not isinstance(settings, Mapping):
            return f"module {module}: a map of settings would be right"
        if (right := _settings(settings)) is not None:
            return f"module {module}: {right}"
    return None if content else "the settings of at least one module would be right"


def _texts(values: Mapping[str, Any]) -> str | None:
    wrong = [name for name, value in values.items() if not isinstance(value, str)]
    return f"{', '.join(wrong)}: text would be right" if wrong else None


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is applied: to devices, to modules, or to IoT Edge gateways as a deployment."""

    device_content: Mapping[str, Any] | None = prop(
        "Settings of device twins, by path (properties.desired.…).", default=None, rule=_settings
    )
    module_content: Mapping[str, Any] | None = prop(
        "Settings of module twins, by path (properties.desired.…).", default=None, rule=_settings
    )
    modules_content: Mapping[str, Any] | None = prop(
        "An IoT Edge deployment: settings by module ($edgeAgent, $edgeHub …) and path.",
        default=None,
        rule=_deployment,
    )


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the program says about the configuration."""

    hub_host: str = prop("Host name of the hub.", replaces=ADDRESS, rule=rules.hub_host, normal=rules.lower)
    configuration_id: str = prop(
        "Its id; in the hub a hash of the content follows.", replaces=ADDRESS, rule=rules.configuration_id
    )
    exact_id: bool = prop(
        "Whether the hub has the very id, and devices are without it during a change of content.",
        default=False,
        replaces=ADDRESS,
    )
    target_condition: str = prop("Which devices or modules it is for; nothing for none.", default="")
    priority: int = prop(
        "Which configuration wins; of equals the newer one.",
        default=0,
        rule=lambda number: None if 0 <= number <= MOST_PRIORITY else f"0 to {MOST_PRIORITY} would be right",
    )
    content: Content = prop("What is applied.", replaces=_FIXED)  # noqa: RUF009 - prop makes the field
    metrics: Mapping[str, Any] = prop(
        f"Queries whose results the hub counts, by name; {PLACEHOLDER} stands for the id in the hub.",
        default={},
        rule=_texts,
    )
    labels: Mapping[str, Any] = prop("Texts that describe it, by name.", default={}, rule=_texts)


@dataclass(frozen=True, kw_only=True)
class Outputs(Version):
    """What is computed."""

    id_in_hub: str = prop("The id that the configuration has in the hub.", default="")


Configuration: TypeAlias = State[Inputs, Outputs]


class HubConfiguration(Versioned[Inputs, Outputs]):
    """Configurations of a hub. `hub` gives the client for a hub's host."""

    token = "muster:hub:Configuration"  # noqa: S105 - a type token
    title = "configuration"
    doc = "Automatic device management of a hub: settings for all twins that meet a condition."
    inputs = Inputs
    outputs = Outputs

    def __init__(self, hub: Callable[[str], Configurations]) -> None:
        self._hub = hub

    def resource_id(self, inputs: Inputs) -> str:
        """`{hubHost}/configurations/{id in the hub}`."""
        return f"{inputs.hub_host.lower()}/configurations/{id_in_hub(inputs)}"

    def named(self, inputs: Inputs) -> str:
        """The configuration and its hub."""
        return f"configuration {id_in_hub(inputs)} of {inputs.hub_host}"

    def check(self, given: Mapping[str, Plain]) -> Checked:
        """As for every resource; and the hub looks at condition and queries, where it can be asked."""
        checked = super().check(given)
        asked = [checked.inputs.get(name) for name in ("hubHost", "targetCondition", "metrics", "content")]
        if checked.faults or has_unknown(asked) or not any(asked[1:3]):
            return checked
        inputs: Inputs = self.state(checked.inputs, {}).inputs
        return Checked(checked.inputs, tuple(self._queries(inputs)))

    def between(self, inputs: Inputs) -> Iterable[Fault]:
        """One kind of content, a condition of its kind, and an id that has room for the hash."""
        room = HASH_DIGITS + 1
        name, content = cast(Plain, inputs.configuration_id), cast(Plain, inputs.content)
        if name is not UNKNOWN and inputs.exact_id is False and len(name) > 128 - room:
            yield Fault("configurationId", f"leaves no room for -{'#' * HASH_DIGITS} below 128 characters")
        if content is UNKNOWN:
            return
        for fault in between.exactly_one(CONTENTS, content):
            yield Fault(f"content.{fault.path}", fault.reason)
        condition: Plain = inputs.target_condition
        if condition is not UNKNOWN and condition.strip():
            yield from _collection(inputs.content, condition)

    def replaced(self, old: Inputs, new: Inputs) -> Mapping[str, str]:
        """Why, and in which order."""
        if has_unknown([write_value(old.content), write_value(new.content)]) or old.content == new.content:
            return {}
        return {"content": _FIRST if new.exact_id is True and old.exact_id is True else _BESIDE}

    def notices(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """How many devices it is for, and which other configuration gets into its way."""
        return reach(self._hub, old, new)

    def address(self, resource_id: str, known: Inputs | None) -> Inputs:
        """Of an import: the id as the hub has it."""
        right = "<hub host>/configurations/<id in the hub>"
        match = rules.id_parts(_ID, resource_id, "a configuration", right)
        blank = Inputs(hub_host=match["host"], configuration_id=match["id"], exact_id=True, content=Content())
        return known or blank

    def read(self, resource_id: str, known: Configuration | None) -> Configuration | None:
        """As for every resource; an imported id that ends with the hash of its content is one of ours."""
        found = super().read(resource_id, known)
        if found is None or known is not None:
            return found
        base, _, suffix = found.inputs.configuration_id.rpartition("-")
        if not base or suffix != content_hash(found.inputs.content):
            return found
        return State(replace(found.inputs, configuration_id=base, exact_id=False), found.outputs)

    def fetch(self, inputs: Inputs) -> Document | None:
        """The document."""
        return self._hub(inputs.hub_host).get(configuration_path(id_in_hub(inputs)))

    def store(self, inputs: Inputs, current: Document, old: Inputs | None) -> Document:  # noqa: ARG002 - the PUT is whole
        """PUT with the content, which is the same in every change."""
        name = id_in_hub(inputs)
        body: Document = {
            "id": name,
            "schemaVersion": "1.0",
            "labels": dict(inputs.labels),
            "content": write_value(inputs.content),
            "targetCondition": inputs.target_condition,
            "priority": inputs.priority,
            "metrics": {"queries": _queries(inputs)},
        }
        return self._hub(inputs.hub_host).put(configuration_path(name), body, current.get("etag"))

    def seen(self, inputs: Inputs, document: Document) -> Configuration:
        """The configuration as the hub has it."""
        content = document.get("content") or {}
        kept = {name: content.get(name) for name in CONTENTS}
        queries = (document.get("metrics") or {}).get("queries") or {}
        live = replace(
            inputs,
            target_condition=str(document.get("targetCondition") or ""),
            priority=int(document.get("priority") or 0),
            content=Content(
                device_content=kept["deviceContent"] or None,
                module_content=kept["moduleContent"] or None,
                modules_content=kept["modulesContent"] or None,
            ),
            metrics={name: _unfilled(inputs, str(query)) for name, query in queries.items()},
            labels=dict(document.get("labels") or {}),
        )
        outputs = Outputs(etag=str(document.get("etag") or ""), id_in_hub=id_in_hub(inputs))
        return State(live, outputs)

    def delete(self, resource_id: str) -> None:
        """Remove it: devices take what the configuration of the next priority says."""
        right = "<hub host>/configurations/<id in the hub>"
        match = rules.id_parts(_ID, resource_id, "a configuration", right)
        self._hub(match["host"]).delete(configuration_path(match["id"]))

    def _queries(self, inputs: Inputs) -> Iterator[Fault]:
        try:
            wrong = self._hub(inputs.hub_host).test_queries(inputs.target_condition, _queries(inputs))
        except ClientError:
            return  # a hub that cannot be asked yet: `notices` says so, and its own check comes at the latest
        for name, error in wrong.items():
            yield Fault(f"metrics.{name}" if name else "targetCondition", f"does not parse: {error}")


_ID = re.compile(r"(?P<host>[^/]+)/configurations/(?P<id>[^/]+)")


def content_hash(content: Content) -> str:
    """The end of the id in the hub: the first digits of the SHA-256 of the content as sorted JSON."""
    text = json.dumps(write_value(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def id_in_hub(inputs: Inputs) -> str:
    """The id that the hub knows."""
    if inputs.exact_id:
        return inputs.configuration_id
    return f"{inputs.configuration_id}-{content_hash(inputs.content)}"


def _queries(inputs: Inputs) -> dict[str, str]:
    name = id_in_hub(inputs)
    return {key: str(query).replace(PLACEHOLDER, name) for key, query in inputs.metrics.items()}


def _unfilled(inputs: Inputs, query: str) -> str:
    return query if inputs.exact_id else query.replace(id_in_hub(inputs), PLACEHOLDER)


def _collection(content: Content, condition: str) -> Iterator[Fault]:
    if (content.module_content is not None) == bool(_MODULES.match(condition)):
        return
    if content.module_content is not None:
        yield Fault(
            "targetCondition", 'is about devices; moduleContent needs one that begins "FROM devices.modules"'
        )
    else:
        yield Fault("targetCondition", "is about modules; this content needs a condition of device twins")
