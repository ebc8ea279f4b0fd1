"""Who subscribed to what, found by topic without trying every filter. In memory."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from localcloud.mqtt.topics import SEPARATOR

T = TypeVar("T", bound=Hashable)


class _Level(Generic[T]):
    """What subscribed up to here, and what goes on."""

    __slots__ = ("held", "more")

    def __init__(self) -> None:
        self.held: dict[T, int] = {}
        self.more: dict[str, _Level[T]] = {}


class Subscriptions(Generic[T]):
    """Subscribers by filter, each with its QoS."""

    def __init__(self) -> None:
        self._root: _Level[T] = _Level()

    def add(self, topic_filter: str, subscriber: T, qos: int) -> None:
        """Subscribe, or change the QoS."""
        level = self._root
        for name in topic_filter.split(SEPARATOR):
            level = level.more.setdefault(name, _Level())
        level.held[subscriber] = qos

    def remove(self, topic_filter: str, subscriber: T) -> None:
        """Unsubscribe; no fault when it was not subscribed."""
        path = [self._root]
        names = topic_filter.split(SEPARATOR)
        for name in names:
            following = path[-1].more.get(name)
            if following is None:
                return
            path.append(following)
        path[-1].held.pop(subscriber, None)
        for name, above, level in reversed(list(zip(names, path[:-1], path[1:], strict=True))):
            if not level.held and not level.more:
                del above.more[name]

    def of(self, topic: str) -> dict[T, int]:
        """Everyone whose filters take the topic, once, with the highest QoS."""
        found: dict[T, int] = {}
        names = topic.split(SEPARATOR)
        for held in _matching(self._root, names, 0, wild=not topic.startswith("$")):
            for subscriber, qos in held.items():
                found[subscriber] = max(qos, found.get(subscriber, 0))
        return found


def _matching(level: _Level[T], names: list[str], place: int, *, wild: bool) -> Iterator[dict[T, int]]:
    if wild and "#" in level.more:
        yield level.more["#"].held
    if place == len(names):
        yield level.held
        return
    for name in (names[place], "+") if wild else (names[place],):
        if name in level.more:
            yield from _matching(level.more[name], names, place + 1, wild=True)
