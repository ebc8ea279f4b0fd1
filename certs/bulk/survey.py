"""The pass over a list before the first key is made: all bad rows are found, and one forbids to issue."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from certs.bulk import requests
from certs.bulk.duplicates import Fingerprints, fingerprint
from certs.bulk.errors import ListError
from certs.bulk.keypairs import encoded
from certs.bulk.lists import Row, Source
from certs.bulk.rules import Rules
from certs.errors import CertsError
from certs.keys import algorithm_of

Issued: TypeAlias = Callable[[], Iterable[str]]
"""Gives the ids that have a certificate already, as often as it is asked."""


@dataclass(frozen=True)
class Survey:
    """What a list was when it was checked, and `first`, its first registration id.

    `rows` and `ids` hold a SHA-256 a batch: over the list's own rows, and over the ids they stand for.
    `shapes` holds every kind of key that a request brings (empty: one is to be made) with every length of id.
    """

    count: int
    first: str
    rows: Sequence[bytes]
    ids: Sequence[bytes]
    shapes: frozenset[tuple[str, int]]

    @property
    def listed(self) -> str:
        """SHA-256 over all of it."""
        return hashlib.sha256(b"".join((*self.rows, *self.ids))).hexdigest()


def survey(source: Source, rules: Rules, batch: int, issued: Issued = tuple) -> Survey:
    """Check every row: its form, that it comes once (whatever its case), that it is not among `issued`.

    Raises ListError with every bad row, or when the list is empty or cannot be read; CloudError.
    """
    return _Surveyor(source, rules).survey(batch, issued)


def batches(source: Source, size: int, skip: int = 0) -> Iterator[list[Row]]:
    """The rows in batches, but for the first `skip` rows."""
    rows = islice(source.rows(), skip, None)
    while found := list(islice(rows, size)):
        yield found


def digest_of_rows(rows: Iterable[Row]) -> bytes:
    """What tells whether rows are the same as before."""
    digest = hashlib.sha256()
    for row in rows:
        request = hashlib.sha256(row.request).digest() if row.request is not None else b""
        digest.update(f"{row.registration_id}\n".encode("utf-8", errors="replace") + request)
    return digest.digest()


def digest_of_ids(ids: Iterable[str]) -> bytes:
    """What tells whether the ids of a batch are the ones that were asked for."""
    return hashlib.sha256("\n".join(ids).encode("ascii")).digest()


class _Surveyor:
    def __init__(self, source: Source, rules: Rules) -> None:
        self._source = source
        self._rules = rules
        self._ids, self._keys = Fingerprints(), Fingerprints()
        self._shapes: set[tuple[str, int]] = set()
        self._faults: list[str] = []
        self._count = 0

    def survey(self, batch: int, issued: Issued) -> Survey:
        rows, ids, count, first = [], [], 0, ""
        for found in batches(self._source, batch):
            names = [self._checked(row) for row in found]
            rows.append(digest_of_rows(found))
            ids.append(digest_of_ids(names))
            count, first = count + len(found), first or names[0]
        self._find_twice()
        self._find_issued(issued)
        if not count:
            self._add("it is empty")
        if self._count:
            raise ListError(self._source.name, self._faults, self._count)
        return Survey(count, first, rows, ids, frozenset(self._shapes))

    def _checked(self, row: Row) -> str:
        """The registration id of a row; empty, with its faults noted, when the row cannot be used."""
        if row.fault:
            return self._refused(row, [row.fault])
        try:
            kind, name = self._admitted(row) if self._source.requests else ("", row.registration_id)
        except CertsError as error:
            return self._refused(row, str(error).splitlines())
        faults = list(self._rules.faults(name))
        if faults:
            return self._refused(row, faults)
        self._ids.add(name)
        self._shapes.add((kind, len(name)))
        return name

    def _admitted(self, row: Row) -> tuple[str, str]:
        name, key = requests.admitted(row, "request", self._rules.design.profile)
        self._rules.check_algorithm(algorithm_of(key))
        self._keys.add(encoded(key).hex())
        return algorithm_of(key).name, name

    def _find_twice(self) -> None:
        """Name every row whose id, or whose key, an earlier row has."""
        ids, keys = self._ids.repeated(), self._keys.repeated()
        if not (ids or keys):
            return
        seen: dict[str, int] = {}
        for row in self._source.rows():
            name, key = self._again(row)
            for what, text, among in (("id", name, ids), ("key", key, keys)):
                if text and fingerprint(text) in among:
                    self._note_second(what, text, row.at, seen)

    def _note_second(self, what: str, text: str, at: int, seen: dict[str, int]) -> None:
        first = seen.setdefault(f"{what} {text.lower()}", at)
        if first != at:
            shown = f"{text!r} is" if what == "id" else "its key is"
            self._add(f"{self._source.where(at)}: {shown} there already, at {self._source.where(first)}")

    def _find_issued(self, issued: Issued) -> None:
        """Name every row whose id has a certificate already."""
        others = Fingerprints()
        for name in issued():
            others.add(name)
        common = self._ids.common(others)
        if not common:
            return
        taken = frozenset(name.lower() for name in issued() if fingerprint(name) in common)
        for row in self._source.rows():
            name, _ = self._again(row)
            if name.lower() in taken:
                self._add(f"{self._source.where(row.at)}: {name!r} has a certificate already")

    def _again(self, row: Row) -> tuple[str, str]:
        """A row's id and key as they were found the first time; empty where the row was refused."""
        if row.fault:
            return "", ""
        if not self._source.requests:
            return row.registration_id, ""
        try:
            name, key = requests.admitted(row, "request", self._rules.design.profile)
        except CertsError:
            return "", ""  # refused, and named, in the first pass
        return name, encoded(key).hex()

    def _refused(self, row: Row, faults: Iterable[str]) -> str:
        for fault in faults:
            self._add(f"{self._source.where(row.at)}: {fault}")
        return ""

    def _add(self, fault: str) -> None:
        self._count += 1
        if len(self._faults) < ListError.SHOWN:
            self._faults.append(fault)
