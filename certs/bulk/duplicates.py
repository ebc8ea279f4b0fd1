"""Finds what occurs twice among a million texts in 8 bytes a text.

Texts are kept as 64-bit hashes (Python's own: keyed, so that nobody can prepare a list that collides). Equal
texts have equal hashes; that unequal ones do is rare, and whoever asks looks at the texts again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

_BUCKETS = 256
_MASK = (1 << 64) - 1


class Fingerprints:
    """Hashes of texts, in buckets, so that no search needs memory for more than a part."""

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, text: str) -> None:
        """Remember a text."""
        value = fingerprint(text)
        self._buckets[value & (_BUCKETS - 1)].append(value)

    def repeated(self) -> frozenset[int]:
        """The hashes that came more than once."""
        return frozenset(value for bucket in self._buckets for value in _twice(bucket))

    def common(self, other: Fingerprints) -> frozenset[int]:
        """The hashes that are in both."""
        pairs = zip(self._buckets, other._buckets, strict=True)
        return frozenset(value for ours, theirs in pairs for value in set(ours).intersection(theirs))


def fingerprint(text: str) -> int:
    """The hash of a text, whatever its case."""
    return hash(text.lower()) & _MASK


def _twice(bucket: array[int]) -> Iterator[int]:
    if len(set(bucket)) == len(bucket):
        return
    seen: set[int] = set()
    for value in bucket:
        if value in seen:
            yield value
        seen.add(value)
