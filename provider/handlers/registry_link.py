"""muster:dps:RegistryLink and muster:hub:RegistryLink: a Device Registry namespace linked to a provisioning
service or a hub, each by its own managed identity.

The link is an entry of the namespace's document (see clients/registry_links.py for the API and its source);
other entries are left alone. A namespace takes one provisioning service, and that before any hub. The service
unlinks only what is gone itself ("Links belong to the namespace. To unlink, delete the linked resource
first": az iot adr ns link): where it refuses, the entry stays until the service, the hub or the namespace
goes, and a notice says so."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol, TypeVar

from provider.clients.errors import OperationFailedError, ServiceError
from provider.clients.registry_links import HUB, SERVICE, Kind
from provider.clients.rest import Document
from provider.errors import InitFailedError
from provider.fields import prop
from provider.handlers import rules
from provider.handlers.revised import ADDRESS, LinkHandler, Revised, Seen
from provider.resource import Made, Notice, State

REFUSALS = frozenset({400, 409, 422})
_IDENTITY = {"type": "SystemAssigned"}


class Links(Protocol):
    """What these handlers need of ARM."""

    def get(self, kind: Kind, target_id: str) -> Document | None:
        """The entry, or None."""

    def put(self, kind: Kind, target_id: str, identity: Document) -> Document:
        """Add or replace the entry, and wait. Raises OperationFailedError."""

    def delete(self, kind: Kind, target_id: str) -> None:
        """Take it away; gone already is no error."""

    def revision(self, kind: Kind, target_id: str) -> str:
        """The ETag of what is linked."""


@dataclass(frozen=True, kw_only=True)
class Registered(Revised):
    """What the program says of every link to a namespace."""

    namespace_id: str = prop(
        "ARM id of the Device Registry namespace.",
        replaces=ADDRESS,
        rule=rules.namespace_id,
        normal=rules.lower,
    )


@dataclass(frozen=True, kw_only=True)
class ServiceInputs(Registered):
    """A provisioning service linked to a namespace."""

    provisioning_service_id: str = prop(
        "ARM id of the provisioning service.", replaces=ADDRESS, rule=rules.service_id, normal=rules.lower
    )


@dataclass(frozen=True, kw_only=True)
class HubInputs(Registered):
    """A hub linked to a namespace."""

    hub_id: str = prop("ARM id of the hub.", replaces=ADDRESS, rule=rules.hub_id, normal=rules.lower)


N = TypeVar("N", bound=Registered)


class NamespaceLink(LinkHandler[N, Seen]):
    """Links to namespaces. `links` gives the client for a namespace's id."""

    title = "registry link"
    outputs = Seen
    kind: ClassVar[Kind]

    def __init__(self, links: Callable[[str], Links]) -> None:
        self._links = links

    @abstractmethod
    def target(self, inputs: N) -> str:
        """ARM id of what is linked."""

    @abstractmethod
    def blank(self, namespace: str, target: str) -> N:
        """Inputs that hold an address."""

    def resource_id(self, inputs: N) -> str:
        """`{namespaceId}/{provisioning or messaging}{id of what is linked}`."""
        return f"{inputs.namespace_id}/{self.kind.section}{self.target(inputs)}"

    def create(self, inputs: N) -> Made[Seen]:
        """Link it, unless it is linked in another way already."""
        links, target = self._links(inputs.namespace_id), self.target(inputs)
        entry = links.get(self.kind, target)
        if entry is None:
            return self._set(inputs)
        notice = self.adopt(f"the link of {target}", inputs, _live(inputs, entry))
        return Made(self._set(inputs).outputs, (notice,))

    def read(self, resource_id: str, known: State[N, Seen] | None) -> State[N, Seen] | None:
        """The link as it is; without the link, or the namespace, None."""
        match = self._parts(resource_id)
        links, target = self._links(match["namespace"]), match["target"]
        entry = links.get(self.kind, target)
        if entry is None:
            return None
        etag = links.revision(self.kind, target)
        blank = replace(self.blank(match["namespace"], target), service_revision=etag)
        return State(_live(known.inputs if known else blank, entry), Seen(service_etag=etag))

    def update(self, old: State[N, Seen], new: N) -> Made[Seen]:  # noqa: ARG002 - the entry is wholly ours
        """Set the entry again where it is not as declared."""
        entry = self._links(new.namespace_id).get(self.kind, self.target(new))
        state = str((entry or {}).get("linkingState") or "Succeeded").lower()
        if entry is not None and state == "succeeded" and not self.differing(new, _live(new, entry)):
            return Made(Seen(service_etag=new.service_revision))
        return self._set(new)

    def delete(self, resource_id: str) -> tuple[Notice, ...]:
        """Unlink it, where the service lets us."""
        match = self._parts(resource_id)
        try:
            self._links(match["namespace"]).delete(self.kind, match["target"])
        except ServiceError as error:
            if error.status not in REFUSALS:
                raise
            text = f"{match['target']} stays linked until it is deleted, or its namespace: {error}"
            return (Notice(text, warning=True),)
        return ()

    def _set(self, inputs: N) -> Made[Seen]:
        outputs = Seen(service_etag=inputs.service_revision)
        try:
            self._links(inputs.namespace_id).put(self.kind, self.target(inputs), dict(_IDENTITY))
        except OperationFailedError as error:
            raise InitFailedError([str(error)], outputs) from error
        return Made(outputs)

    def _parts(self, resource_id: str) -> re.Match[str]:
        form = re.compile(
            rf"(?P<namespace>/subscriptions/.+?/namespaces/[^/]+)/{self.kind.section}(?P<target>/subscriptions/.+)",
            re.IGNORECASE,
        )
        right = f"<ARM id of the namespace>/{self.kind.section}<ARM id of what is linked>"
        return rules.id_parts(form, resource_id, f"a {self.title}", right)


class ServiceRegistryLink(NamespaceLink[ServiceInputs]):
    """Provisioning services linked to namespaces: their enrollments may name the namespace's authorities."""

    token = "muster:dps:RegistryLink"  # noqa: S105 - a type token
    doc = "A Device Registry namespace that a provisioning service issues certificates from."
    inputs = ServiceInputs
    kind = SERVICE

    def target(self, inputs: ServiceInputs) -> str:
        """The service."""
        return inputs.provisioning_service_id

    def blank(self, namespace: str, target: str) -> ServiceInputs:
        """A link of this service."""
        return ServiceInputs(namespace_id=namespace, provisioning_service_id=target)


class HubRegistryLink(NamespaceLink[HubInputs]):
    """Hubs linked to namespaces: they take the certificates that the namespace issued."""

    token = "muster:hub:RegistryLink"  # noqa: S105 - a type token
    doc = "A Device Registry namespace whose certificates a hub takes."
    inputs = HubInputs
    kind = HUB

    def target(self, inputs: HubInputs) -> str:
        """The hub."""
        return inputs.hub_id

    def blank(self, namespace: str, target: str) -> HubInputs:
        """A link of this hub."""
        return HubInputs(namespace_id=namespace, hub_id=target)


def _live(inputs: N, entry: Document) -> N:
    identity = entry.get("inboundCallerIdentity") or {}
    return replace(inputs, authentication=str(identity.get("type") or "SystemAssigned"))
