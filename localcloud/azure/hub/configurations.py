"""Configurations as documents: what may be in one, whom it targets, how its metrics are asked for. Pure.

Shape: Configuration, service API 2021-04-12. Names and limits: "Automatic device management at scale" and
"IoT Hub quotas and throttling". The content is immutable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.azure.hub.deployment import path_of
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.query import Condition, QueryError, read_condition, read_query
from localcloud.azure.hub.twins import Twin, check_part
from localcloud.azure.shapes import Fault, MapOf, Member, Scalar, Shape

Document = dict[str, Any]

_ID = re.compile(r"[a-z0-9\-:+%_#*?!(),=@;$']{1,128}")
_KINDS = {"deviceContent": "device", "moduleContent": "module", "modulesContent": "edge"}
MODULES_PER_DEPLOYMENT = 50
_FREE, _TEXTS = MapOf(Scalar("any")), MapOf(Scalar("str"))
CONTENT = Shape(
    "ConfigurationContent",
    {
        "deviceContent": Member(_FREE),
        "moduleContent": Member(_FREE),
        "modulesContent": Member(MapOf(_FREE)),
    },
)
_METRICS = Shape(
    "ConfigurationMetrics", {"results": Member(_FREE, read_only=True), "queries": Member(_TEXTS)}
)
_SHAPE = Shape(
    "Configuration",
    {
        "id": Member(Scalar("str")),
        "schemaVersion": Member(Scalar("str")),
        "labels": Member(_TEXTS),
        "content": Member(CONTENT),
        "contentType": Member(Scalar("str"), read_only=True),
        "targetCondition": Member(Scalar("str")),
        "createdTimeUtc": Member(Scalar("str"), read_only=True),
        "lastUpdatedTimeUtc": Member(Scalar("str"), read_only=True),
        "priority": Member(Scalar("int"), limits={"minimum": 0, "maximum": 2**31 - 1}),
        "systemMetrics": Member(_FREE, read_only=True),
        "metrics": Member(_METRICS),
        "etag": Member(Scalar("str"), read_only=True),
    },
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration ready to be applied. `kind`: "device", "module", "edge"; `condition` None targets
    none.
    """

    id: str
    kind: str
    priority: int
    created: str
    condition: Condition | None
    content: Mapping[str, Any]

    @property
    def rank(self) -> tuple[int, str]:
        """Lowest first: by priority, equals by age."""
        return (self.priority, self.created)


def checked(configuration_id: str, body: object, before: Document | None, now: str) -> Document:
    """The document to keep. Raises HubError 400 with all that is wrong with the shape, else with the first of

    target condition, content and metrics, each under its published code.
    """
    faults: list[Fault] = []
    given = _SHAPE.check(body, "", faults)
    if not _ID.fullmatch(configuration_id):
        faults.append(Fault("id", f"'{configuration_id[:140]}' must match {_ID.pattern}"))
    if isinstance(given, dict) and given.get("id", configuration_id) != configuration_id:
        faults.append(Fault("id", f"'{given['id']}' differs from '{configuration_id}' in the address"))
    if faults:
        raise HubError(400, "ArgumentInvalid", "; ".join(map(str, faults)))
    content = _content(given.get("content"), before)
    document: Document = {
        "id": configuration_id,
        "schemaVersion": given.get("schemaVersion") or "1.0",
        "labels": given.get("labels") or {},
        "content": content,
        "targetCondition": given.get("targetCondition", ""),
        "createdTimeUtc": before["createdTimeUtc"] if before else now,
        "lastUpdatedTimeUtc": now,
        "priority": given.get("priority", 0),
        "metrics": {"queries": (given.get("metrics") or {}).get("queries") or {}},
    }
    _check_queries(document)
    return document


def compiled(document: Document) -> Configuration:
    """A kept document, ready to be applied."""
    name = content_name(document["content"])
    text = document["targetCondition"].strip()
    return Configuration(
        id=document["id"],
        kind=_KINDS[name],
        priority=document["priority"],
        created=document["createdTimeUtc"],
        condition=read_condition(text) if text else None,
        content=document["content"][name],
    )


def content_name(content: Mapping[str, Any]) -> str:
    """Which of the three kinds of content this is."""
    return next(name for name in _KINDS if content.get(name) is not None)


def check_content(content: Mapping[str, Any]) -> None:
    """Raises HubError 400 InvalidConfigurationContent."""
    given = [name for name in _KINDS if content.get(name) is not None]
    if len(given) != 1:
        raise _bad_content(f"content must have one of {', '.join(_KINDS)}, not {len(given)} of them")
    parts = {given[0]: content[given[0]]}
    if given[0] == "modulesContent":
        if len(content["modulesContent"]) > MODULES_PER_DEPLOYMENT:
            raise _bad_content(f"modulesContent may have {MODULES_PER_DEPLOYMENT} modules at most")
        parts = {f"modulesContent.{name}": part for name, part in content["modulesContent"].items()}
    for where, part in parts.items():
        _check_settings(where, part)


def query_faults(condition: str, queries: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """What is wrong with a target condition, and with each metric's query."""
    wrong: dict[str, str] = {}
    for name, text in queries.items():
        try:
            read_query(text)
        except QueryError as error:
            wrong[name] = str(error)
    try:
        if condition.strip():
            read_condition(condition.strip())
    except QueryError as error:
        return str(error), wrong
    return None, wrong


def system_queries(document: Document) -> dict[str, str]:
    """The system metrics as queries, as the service shows them."""
    name, kind = document["id"], _KINDS[content_name(document["content"])]
    condition = document["targetCondition"].strip()
    applied = f"configurations.[[{name}]].status = 'Applied'"
    if kind == "module":
        targeted = f"select deviceId, moduleId {condition}" if condition else ""
        return _present(targeted, _select("deviceId, moduleId", "devices.modules", applied))
    if kind == "device":
        targeted = _select("deviceId", "devices", "" if condition == "*" else condition) if condition else ""
        return _present(targeted, _select("deviceId", "devices", applied))
    edge = "capabilities.iotEdge = true" + ("" if condition == "*" else f" and ({condition})")
    targeted = _select("deviceId", "devices", edge) if condition else ""
    agent = f"moduleId = '$edgeAgent' and {applied}"
    current = f"{agent} and properties.desired.$version = properties.reported.lastDesiredVersion"
    code = "properties.reported.lastDesiredStatus.code"
    return {
        **_present(targeted, _select("deviceId", "devices.modules", agent)),
        "reportedSuccessfulCount": _select("deviceId", "devices.modules", f"{current} and {code} = 200"),
        "reportedFailedCount": _select("deviceId", "devices.modules", f"{current} and {code} != 200"),
    }


def _select(columns: str, collection: str, where: str) -> str:
    return " ".join(["select", columns, "from", collection, *(["where", where] if where else [])])


def _present(targeted: str, applied: str) -> dict[str, str]:
    """A configuration without a condition targets nothing, and there is no query for that."""
    return {**({"targetedCount": targeted} if targeted else {}), "appliedCount": applied}


def _content(given: Mapping[str, Any] | None, before: Document | None) -> dict[str, Any]:
    content = {name: it for name, it in (given or {}).items() if it is not None}
    if before is None:
        check_content(content)
        return content
    if given is not None and content != before["content"]:
        text = "The content of a configuration cannot be changed: make a new configuration instead."
        raise HubError(400, "CannotModifyImmutableConfigurationContent", text)
    return dict(before["content"])


def _check_settings(where: str, part: Mapping[str, Any]) -> None:
    """Each path must be below desired, each value something that a twin may hold."""
    if not part:
        raise _bad_content(f"{where} is empty")
    for key, value in part.items():
        try:
            path = path_of(key)
        except ValueError as error:
            raise _bad_content(f"{where}: {error}") from error
        if not path and not isinstance(value, dict):
            raise _bad_content(f"{where}: {key} must be an object")
        nested: Twin = value if not path else {path[-1]: value}
        for name in reversed(path[:-1]):
            nested = {name: nested}
        try:
            check_part("desired", nested)
        except HubError as error:
            raise _bad_content(f"{where}: {error.message}") from error


def _check_queries(document: Document) -> None:
    fault, wrong = query_faults(document["targetCondition"], document["metrics"]["queries"])
    if fault:
        raise HubError(400, "InvalidConfigurationTargetCondition", f"targetCondition: {fault}")
    _check_collection(document)
    if wrong:
        words = "; ".join(f"metrics.queries.{name}: {text}" for name, text in wrong.items())
        raise HubError(400, "InvalidConfigurationCustomMetricsQuery", words)


def _check_collection(document: Document) -> None:
    """Module content needs `FROM devices.modules WHERE …` (az iot hub configuration create), others not."""
    text = document["targetCondition"].strip()
    if not text:
        return
    wants = "devices.modules" if content_name(document["content"]) == "moduleContent" else "devices"
    found = read_condition(text).collection
    if found != wants:
        words = f"targetCondition is about {found}, but this content is for {wants}"
        raise HubError(400, "InvalidConfigurationTargetCondition", words)


def _bad_content(message: str) -> HubError:
    return HubError(400, "InvalidConfigurationContent", message)
