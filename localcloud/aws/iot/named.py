"""Documents with a name and an ARN: how role aliases, authorizers, mitigation actions and others are kept.

A document is what the service shows, times as seconds since 1970. Names are unique in the account, as they
are in AWS' ARNs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.aws.api import ApiError, Params
from localcloud.aws.iot.refusals import not_found
from localcloud.aws.iot.tags import Tag, Tags
from localcloud.aws.place import Place
from localcloud.store import Document


@dataclass(frozen=True)
class Noun:
    """A kind of document: where it lies in the store, what it is called, how its ARNs begin."""

    kind: str
    word: str
    path: str


class Named:
    """The documents of one kind, with their tags."""

    def __init__(self, place: Place, tags: Tags, noun: Noun) -> None:
        self._place = place
        self._tags = tags
        self._noun = noun

    def arn(self, name: str) -> str:
        """The ARN of what has this name."""
        return self._place.arn(f"{self._noun.path}/{name}")

    def find(self, name: str) -> Document | None:
        """The document, or None."""
        return self._place.store.get(self._noun.kind, name)

    def get(self, name: str) -> Document:
        """The document. Raises ApiError."""
        found = self.find(name)
        if found is None:
            raise not_found(self._noun.word, name)
        return found

    def create(self, name: str, document: Mapping[str, Any], tags: Sequence[Tag] = ()) -> Document:
        """A new one, with its times. Raises ApiError when the name is taken, and for bad tags."""
        if self.find(name) is not None:
            words = f"{self._noun.word} {name} already exists."
            raise ApiError(
                "ResourceAlreadyExistsException", words, resourceId=name, resourceArn=self.arn(name)
            )
        now = self._place.now()
        with self._place.store.transaction():
            self._tags.put(self.arn(name), tags)
            return self.put(name, {**document, "creationDate": now, "lastModifiedDate": now})

    def update(self, name: str, changes: Mapping[str, Any]) -> Document:
        """Members replaced; None is one to leave out. Raises ApiError when there is none."""
        known = self.get(name)
        merged = {key: value for key, value in {**known, **changes}.items() if value is not None}
        return self.put(name, {**merged, "lastModifiedDate": self._place.now()})

    def put(self, name: str, document: Document) -> Document:
        """As it is."""
        self._place.store.put(self._noun.kind, name, document)
        return document

    def delete(self, name: str) -> bool:
        """Remove it and its tags; False when there was none."""
        with self._place.store.transaction():
            self._tags.forget(self.arn(name))
            return self._place.store.delete(self._noun.kind, name)

    def remove(self, name: str) -> None:
        """Remove it. Raises ApiError when there is none."""
        if not self.delete(name):
            raise not_found(self._noun.word, name)

    def all(self) -> list[Document]:
        """All, by name."""
        return [document for _, document in self._place.store.list(self._noun.kind)]


def subset(document: Mapping[str, Any], members: Sequence[str]) -> Params:
    """Only these members, where they are there."""
    return {name: document[name] for name in members if name in document}
