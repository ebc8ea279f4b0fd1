"""What a resource type is to ARM: one table entry, and what its functions get.

A new type costs an entry in `types.py`: path, API versions, the published model, and a `build` function for
what the service itself computes.
"""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.models import Published
from localcloud.azure.directory import Directory
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.entra import Application, application
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.shapes import Fault, Shape
from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.store import Document, Store

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"


@dataclass(frozen=True)
class World:
    """All that resource types may read and change."""

    store: Store
    directory: Directory
    provisioning: ProvisioningRegistry
    hubs: HubRegistry
    clock: Clock = field(default_factory=Clock)

    @property
    def owner(self) -> Application:
        """The tenant, subscription and application of this state."""
        found = application(self.store)
        if found is None:
            raise ArmError(401, "InvalidAuthenticationTokenTenant", "The local cloud has no tenant yet.")
        return found

    def stored(self, resource_id: str) -> Document | None:
        """A resource's document."""
        return self.store.get("arm", resource_id.lower())


@dataclass
class Draft:
    """A PUT under way: the checked body, what was there before, and faults to report together."""

    id: str
    name: str
    names: Mapping[str, str]
    body: dict[str, Any]
    before: Document | None
    faults: list[Fault] = field(default_factory=list)

    @property
    def properties(self) -> dict[str, Any]:
        """The body's `properties`, {} when there are none."""
        found = self.at("properties")
        return found if isinstance(found, dict) else {}

    def at(self, *path: str) -> Any:  # noqa: ANN401 - JSON
        """A value of the body, None when there is none; safe on a body that failed its check."""
        return value_at(self.body, *path)

    def was(self, *path: str) -> Any:  # noqa: ANN401 - JSON
        """A value of the document before this PUT, None when there is none."""
        return value_at(self.before, *path)

    def wrong(self, target: str, message: str) -> None:
        """Add a fault."""
        self.faults.append(Fault(target, message))

    def entries(self, *path: str) -> list[tuple[str, dict[str, Any]]]:
        """The objects of a list of the body, each with its place; safe on a body that failed its check."""
        found, where = self.at(*path), ".".join(path)
        items = enumerate(found) if isinstance(found, list) else ()
        return [(f"{where}[{n}]", it) for n, it in items if isinstance(it, dict)]


Check = Callable[[World, Draft], None]
Build = Callable[[World, Draft], dict[str, Any]]
Action = Callable[[World, Document, Call, Mapping[str, str]], Answer]
GlobalAction = Callable[[World, Call], Answer]


def covers(scope: str, resource_id: str) -> bool:
    """Whether a scope is the resource or above it."""
    return resource_id.lower() == scope.lower() or resource_id.lower().startswith(f"{scope.lower()}/")


def below(document: Document, scope: str, condition: str | None) -> bool:
    """Whether a list at `scope` shows the resource. No `$filter` is served."""
    if condition:
        raise ArmError(400, "InvalidFilter", f"$filter '{condition}' is not served by the local cloud.")
    return covers(scope, document["id"])


@dataclass(frozen=True)
class NameRule:
    """Which names are good; `words` is the rule for the person."""

    pattern: re.Pattern[str]
    words: str


@dataclass(frozen=True)
class ResourceType:
    """One table entry. `path` ends with `{name}`; `build` gives all but id, name, type and etag of the
    document.
    """

    type: str
    path: str
    versions: tuple[str, ...]
    shape: Published | Shape
    """The body, in the newest version that a published model is of."""
    name: NameRule
    build: Build
    check: Check = lambda _world, _draft: None
    """Adds faults beyond the shape; also sees bodies that failed the shape, so that all faults come at
    once.
    """
    shapes: Mapping[str, Published | Shape] = field(default_factory=dict)
    """Other bodies, by API version."""
    removed: Callable[[World, Document], None] = lambda _world, _document: None
    actions: Mapping[str, Action] = field(default_factory=dict)
    subscription_actions: Mapping[str, GlobalAction] = field(default_factory=dict)
    zone: str | None = None
    """DNS zone in which names are unique over all of Azure."""
    merged: frozenset[str] = frozenset()
    """API versions in which PATCH takes the whole body; in others it takes tags."""
    tagged: bool = True
    """Takes PATCH of its tags."""
    etag: bool = True
    etag_required: frozenset[str] = frozenset()
    """Methods that need If-Match when the resource exists."""
    created: int = 201
    listed: Callable[[Document, str, str | None], bool] = below
    """Whether a list at a scope, with this `$filter`, shows a resource."""
    listed_below: str = ""
    """Path of the collection over the whole subscription, when there is one."""

    @property
    def collection(self) -> str:
        """The path of the list of siblings."""
        return self.path.rpartition("/")[0]


def value_at(value: Any, *path: str) -> Any:  # noqa: ANN401 - JSON
    """A value inside a JSON value, None when there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def new_etag() -> str:
    """An entity tag as these services write them: base64 of eight bytes."""
    return base64.b64encode(secrets.token_bytes(8)).decode()
