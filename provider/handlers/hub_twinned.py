"""What devices and modules of a hub have in common as resources: an identity with an ETag, a twin beside it.

The identity is written first, then the keys of the twin that the program names. A twin has an ETag of its
own, which counts what others write, too: whether somebody changed what is ours is told by the values alone.
An import takes no twin: it may hold what others wrote."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, TypeVar

from provider.clients.errors import ClientError
from provider.errors import InitFailedError
from provider.handlers import rules
from provider.handlers.hub_identities import NO_TWIN, Authenticated, Hub, ManagedTwin, live_twin, twin_patch
from provider.resource import Made, State
from provider.versioned import Document, Version, Versioned

A = TypeVar("A", bound=Authenticated)
V = TypeVar("V", bound=Version)


class Twinned(Versioned[A, V]):
    """Identities of a hub, with their twins. `hub` gives the client for a hub's host."""

    id_form: ClassVar[re.Pattern[str]]
    id_right: ClassVar[str]

    def __init__(self, hub: Callable[[str], Hub]) -> None:
        self._hub = hub

    @abstractmethod
    def host(self, inputs: A) -> str:
        """The hub's host name."""

    @abstractmethod
    def paths(self, inputs: A) -> tuple[str, str]:
        """Where the identity is, and where its twin."""

    @abstractmethod
    def blank(self, match: re.Match[str]) -> A:
        """Inputs that hold the address in an id."""

    @abstractmethod
    def body(self, inputs: A, current: Document) -> Document:
        """The identity to PUT over `current` ({} when none is there)."""

    @abstractmethod
    def twin(self, inputs: A) -> ManagedTwin:
        """The managed part of the twin."""

    @abstractmethod
    def with_twin(self, inputs: A, twin: ManagedTwin) -> A:
        """The inputs with this part instead."""

    def parts(self, resource_id: str) -> re.Match[str]:
        """The parts of an id. Raises InvalidIdError."""
        return rules.id_parts(self.id_form, resource_id, f"a {self.title}", self.id_right)

    def address(self, resource_id: str, known: A | None) -> A:
        """Of an import: the id's parts, and no twin."""
        return known or self.blank(self.parts(resource_id))

    def fetch(self, inputs: A) -> Document | None:
        """The identity, with its twin beside it."""
        hub, (identity, twin) = self._hub(self.host(inputs)), self.paths(inputs)
        document = hub.get(identity)
        return None if document is None else {**document, "twin": hub.get(twin) or {}}

    def store(self, inputs: A, current: Document, old: A | None) -> Document:
        """PUT the identity and patch the twin. An identity whose twin could not be set is kept, and the next
        run goes on.
        """
        hub, (identity, path) = self._hub(self.host(inputs)), self.paths(inputs)
        made = hub.put(identity, self.body(inputs, current), current.get("etag"))
        twin = current.get("twin") or {}
        patch = twin_patch(self.twin(old) if old else NO_TWIN, self.twin(inputs), twin)
        try:
            twin = hub.patch(path, patch) if patch else twin
        except ClientError as error:
            reason = f"{self.named(inputs)} is registered, but its twin is not set: {error}"
            outputs = self.seen(inputs, {**made, "twin": twin}).outputs
            raise InitFailedError([reason], outputs) from error
        return {**made, "twin": twin}

    def compared(self, old: State[A, V], document: Document) -> State[A, V]:
        """An identity without any of its twin is half made: what it lacks was changed by nobody."""
        if self.twin(self.seen(old.inputs, document).inputs) != NO_TWIN:
            return old
        return State(self.with_twin(old.inputs, NO_TWIN), old.outputs)

    def moved(self, old: V, current: V) -> bool:  # noqa: ARG002 - the identity's ETag tells only half
        """The values tell, not the ETag."""
        return True

    def taken(self, inputs: A, document: Document) -> Made[V]:
        """As for every resource; where a killed run left an identity without its twin, the twin follows."""
        live = self.seen(inputs, document).inputs
        if self.twin(live) != NO_TWIN:
            return super().taken(inputs, document)
        notice = self.adopt(self.named(inputs), inputs, self.with_twin(live, self.twin(inputs)))
        return Made(self.seen(inputs, self.store(inputs, document, None)).outputs, (notice,))

    def delete(self, resource_id: str) -> None:
        """Remove it: it cannot connect any more, and its twin is gone."""
        match = self.parts(resource_id)
        identity, _ = self.paths(self.blank(match))
        self._hub(match["host"]).delete(identity)

    def live_twin(self, inputs: A, document: Document) -> ManagedTwin:
        """What the hub's twin says of the keys that the program names."""
        return live_twin(self.twin(inputs), document.get("twin") or {})
