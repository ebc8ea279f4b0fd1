"""How far a configuration reaches, told before it is made: how many twins its condition meets, and which
other one of the same priority sets the same properties of the same twins (the highest priority is applied, of
equals the newest: "Automatic IoT device and module management", learn.microsoft.com/azure/iot-hub/
iot-hub-automatic-device-management).

Only reads. A hub that cannot be asked is no error: the notice says why the numbers are missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from provider.clients.errors import ClientError
from provider.fields import write
from provider.resource import Notice
from provider.values import has_unknown
from provider.versioned import Document

_MODULES = re.compile(r"\s*from\s+devices\.modules(\s+where\s+)?", re.IGNORECASE)
_HASHED = re.compile(r"-[0-9a-f]{8}")
_EDGE = "capabilities.iotEdge = true"
_NAMES = {
    "deviceContent": "devices",
    "moduleContent": "modules",
    "modulesContent": "IoT Edge gateways",
}


class Configurations(Protocol):
    """What is needed of a hub's service API."""

    def get(self, path: str) -> Document | None:
        """The document, or None."""

    def put(self, path: str, body: Document, etag: str | None = None) -> Document:
        """Create or change; the new document. Raises StaleError."""

    def delete(self, path: str) -> None:
        """Delete; gone already is no error."""

    def configurations(self) -> list[Document]:
        """All configurations of the hub."""

    def test_queries(self, target_condition: str, metrics: dict[str, str]) -> dict[str, str]:
        """What is wrong with a condition ("") and with queries (by name)."""

    def count(self, collection: str, condition: str) -> int:
        """How many twins of a collection meet a condition."""


@dataclass(frozen=True)
class Target:
    """Whom a configuration is for, and what it sets."""

    kind: str
    condition: str
    priority: int
    paths: frozenset[tuple[str, str]]
    """Module (empty for a device or the module itself) and path of each setting."""

    @property
    def collection(self) -> str:
        """What the hub's queries call it."""
        return "devices.modules" if self.kind == "moduleContent" else "devices"

    def where(self, other: Target | None = None) -> str:
        """The condition of a query for those whom this one (and the other one, too) is for."""
        parts = [each for each in (self._own(), other._own() if other else "") if each]
        if self.kind == "modulesContent":
            parts.insert(0, _EDGE)
        return parts[0] if len(parts) == 1 else " AND ".join(f"({each})" for each in parts)

    def meets(self, other: Target) -> frozenset[str]:
        """Settings of ours that one of the other's overwrites, or that overwrite one: by path."""
        if (self.kind, self.priority) != (other.kind, other.priority):
            return frozenset()
        return frozenset(
            path
            for module, path in self.paths
            for theirs, other_path in other.paths
            if module == theirs and _nested(path, other_path)
        )

    def _own(self) -> str:
        text = _MODULES.sub("", self.condition, count=1).strip()
        return "" if text == "*" else text


def reach(hub: Callable[[str], Configurations], old: Any, new: Any) -> tuple[Notice, ...]:  # noqa: ANN401 - inputs of the handler
    """What to know before a configuration is made (`old` is None) or changed."""
    before, after = (None if old is None else write(old)), write(new)
    names = ("hubHost", "configurationId", "targetCondition", "priority", "content")
    if before is not None and all(before.get(name) == after.get(name) for name in names):
        return ()
    if not str(after.get("targetCondition", "")).strip():
        return (Notice("it is for no device: targetCondition is empty", warning=True),)
    if has_unknown([after.get(name) for name in names]):
        return (Notice("how many devices it is for is not known before the hub and the condition are"),)
    try:
        return tuple(_asked(hub(after["hubHost"]), before, after))
    except ClientError as error:
        return (
            Notice(f"how many devices it is for is not known, and its condition is not checked: {error}"),
        )


def target(content: Mapping[str, Any], condition: str, priority: int) -> Target | None:
    """The target of a configuration as a document has it; None when it is for nobody."""
    kind = next((name for name in _NAMES if content.get(name)), None)
    if kind is None or not condition.strip():
        return None
    return Target(kind, condition, priority, frozenset(_paths(kind, content[kind])))


def _asked(client: Configurations, before: Document | None, after: Document) -> Iterator[Notice]:
    mine = _target(after)
    if mine is None:
        return
    yield Notice(_count(client, before, mine))
    for other in client.configurations():
        if _is_own(str(other.get("id")), after):
            continue
        theirs = target(other.get("content") or {}, str(other.get("targetCondition") or ""), _priority(other))
        if theirs is not None and (paths := mine.meets(theirs)):
            yield from _conflict(client, mine, theirs, str(other.get("id")), paths)


def _count(client: Configurations, before: Document | None, mine: Target) -> str:
    number = client.count(mine.collection, mine.where())
    was = "" if before is None else _before(client, _target(before), mine)
    return f"its condition is met by {number:,} {_NAMES[mine.kind]} now{was}; who meets it later gets it, too"


def _before(client: Configurations, past: Target | None, mine: Target) -> str:
    if past is None or past.where() == mine.where():
        return ""
    return f", where the old one is met by {client.count(past.collection, past.where()):,}"


def _conflict(
    client: Configurations, mine: Target, theirs: Target, name: str, paths: frozenset[str]
) -> Iterator[Notice]:
    number = client.count(mine.collection, mine.where(theirs))
    if number:
        yield Notice(
            f"configuration {name} has the same priority {mine.priority} and sets "
            f"{', '.join(sorted(paths))} of {number:,} of the same {_NAMES[mine.kind]}: there the newer "
            "configuration wins; another priority would decide it",
            warning=True,
        )


def _is_own(name: str, after: Document) -> bool:
    own = str(after["configurationId"])
    rest = name.removeprefix(own)
    return name == own or (rest != name and not after.get("exactId") and bool(_HASHED.fullmatch(rest)))


def _target(plain: Document) -> Target | None:
    return target(plain["content"], str(plain.get("targetCondition") or ""), int(plain.get("priority") or 0))


def _priority(document: Document) -> int:
    return int(document.get("priority") or 0)


def _paths(kind: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if kind != "modulesContent":
        yield from (("", str(path)) for path in content)
        return
    for module, settings in content.items():
        yield from ((str(module), str(path)) for path in settings)


def _nested(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.") or other.startswith(f"{path}.")
