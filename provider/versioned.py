"""The pattern of a resource that is one document with an ETag: look, compare, write with If-Match.

A subclass says how to reach the document and what it means; when to adopt, when to refuse and when a lost
answer is no conflict is decided here, once for all of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from provider.clients.errors import StaleError
from provider.fields import prop
from provider.resource import Handler, Made, State

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Version:
    """What the service adds to every such resource."""

    etag: str = prop("The version of the resource; a change names the one it was decided on.", default="")


I = TypeVar("I")  # noqa: E741 - inputs
V = TypeVar("V", bound=Version)


class Versioned(Handler[I, V]):
    """A resource that is one document. `store` sends its ETag, so nothing is overwritten unseen."""

    @abstractmethod
    def named(self, inputs: I) -> str:
        """What a message calls it."""

    @abstractmethod
    def address(self, resource_id: str, known: I | None) -> I:
        """Inputs that lead to the document: those of the state, or for an import what the id tells.

        Raises InvalidIdError."""

    @abstractmethod
    def fetch(self, inputs: I) -> Document | None:
        """The document at the inputs' address, or None."""

    @abstractmethod
    def store(self, inputs: I, current: Document, old: I | None) -> Document:
        """Make it (`current` is {}, `old` None) or change it from the inputs `old`; the new document.

        Raises StaleError when it has another ETag than `current` by now.
        """

    @abstractmethod
    def seen(self, inputs: I, document: Document) -> State[I, V]:
        """A document as inputs and outputs; what it does not tell (or hides) is as in `inputs`."""

    def importable(self, resource_id: str, document: Document) -> None:
        """Raise UnsupportedResourceError when the inputs cannot describe this document."""

    def compared(self, old: State[I, V], document: Document) -> State[I, V]:  # noqa: ARG002 - for subclasses
        """The state to compare a document with, less what a half-made resource lacks."""
        return old

    def moved(self, old: V, current: V) -> bool:
        """Whether somebody may have changed it since the state was written."""
        return old.etag != current.etag

    def taken(self, inputs: I, document: Document) -> Made[V]:
        """Take in what a creation found, when it is alike. Raises AlreadyExistsError."""
        current = self.seen(inputs, document)
        return Made(current.outputs, (self.adopt(self.named(inputs), inputs, current.inputs),))

    def create(self, inputs: I) -> Made[V]:
        """Make it, unless it is there: then only an identical one is taken."""
        if (document := self.fetch(inputs)) is not None:
            return self.taken(inputs, document)
        return Made(self.seen(inputs, self.store(inputs, {}, None)).outputs)

    def read(self, resource_id: str, known: State[I, V] | None) -> State[I, V] | None:
        """It as it is. Raises UnsupportedResourceError to an import that the inputs cannot describe."""
        inputs = self.address(resource_id, known.inputs if known else None)
        document = self.fetch(inputs)
        if document is None:
            return None
        if known is None:
            self.importable(resource_id, document)
        return self.seen(inputs, document)

    def update(self, old: State[I, V], new: I) -> Made[V]:
        """Change what the state knows. Raises ConflictError when the service has another version."""
        document = self.fetch(new)
        if document is None:
            raise self.gone(self.named(new))
        old = self.compared(old, document)
        current = self.seen(old.inputs, document)
        if self.moved(old.outputs, current.outputs) and self.differing(old.inputs, current.inputs):
            return self._settle(old, new, document)
        try:
            made = self.store(new, document, old.inputs)
        except StaleError:
            return self._settle(old, new, self.fetch(new))
        return Made(self.seen(new, made).outputs)

    def _settle(self, old: State[I, V], new: I, document: Document | None) -> Made[V]:
        if document is None:
            raise self.gone(self.named(new))
        wanted = self.seen(new, document)
        if not self.differing(new, wanted.inputs):
            return Made(wanted.outputs)  # our own change, whose answer was lost
        current = self.seen(old.inputs, document)
        versions = (old.outputs.etag, current.outputs.etag)
        raise self.overtaken(self.named(new), old.inputs, current.inputs, versions)
