"""How services keep tags: lists of pairs or maps, behind calls of different names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.session import Ask

_SERVICE_PREFIX = "aws:"  # tags of AWS' own, which nobody else can set


@dataclass(frozen=True)
class Tagging:
    """One service's calls for tags.

    Attributes:
        by: where the resource's address stands in what is read.
        key: the parameter that takes it.
        lister: the operation that lists; `listed` is the tags' place in its answer.
        adder: the operation that sets some; `added` is their parameter.
        remover: the operation that takes some away; `removed` takes their names.
        pair: what name and value are called; empty where tags are a map.
        more: parameters of every call.
    """

    by: str
    key: str = "resourceArn"
    lister: str = "list_tags_for_resource"
    listed: str = "tags"
    adder: str = "tag_resource"
    added: str = "tags"
    remover: str = "untag_resource"
    removed: str = "tagKeys"
    pair: tuple[str, str] | tuple[()] = ("Key", "Value")
    more: tuple[tuple[str, Any], ...] = ()

    def read(self, ask: Ask, address: str) -> dict[str, str]:
        """The tags, without those of AWS' own."""
        found = ask(self.lister, **{self.key: address}, **dict(self.more)).get(self.listed) or {}
        return {name: it for name, it in self.told(found).items() if not name.startswith(_SERVICE_PREFIX)}

    def told(self, tags: Any) -> dict[str, str]:  # noqa: ANN401 - a list or a map
        """Tags as names and values; the inverse of `spelt`."""
        if isinstance(tags, Mapping):
            return dict(tags)
        name, value = self.pair or ("Key", "Value")
        return {it[name]: it[value] for it in tags}

    def write(self, ask: Ask, address: str, wanted: Mapping[str, str]) -> None:
        """Make the tags these, and no others."""
        live = self.read(ask, address)
        gone = sorted(live.keys() - wanted.keys())
        new = {name: value for name, value in wanted.items() if live.get(name) != value}
        place = {self.key: address, **dict(self.more)}
        if gone:
            ask(self.remover, **place, **{self.removed: gone})
        if new:
            ask(self.adder, **place, **{self.added: self.spelt(new)})

    def spelt(self, tags: Mapping[str, str]) -> Any:  # noqa: ANN401 - a list or a map
        """Tags as the service writes them."""
        if not self.pair:
            return dict(tags)
        name, value = self.pair
        return [{name: key, value: it} for key, it in tags.items()]
