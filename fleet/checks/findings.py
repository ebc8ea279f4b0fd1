"""What checks are made of: a check is a pure function from a description to findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fleet.description import Allocation, Cloud, Fleet, Provisioning
from fleet.errors import Finding, Path, named, one_of, shown

Check = Callable[[Fleet], Iterator[Finding]]


def provisionings(fleet: Fleet) -> Iterator[tuple[Path, Provisioning]]:
    """Every enrollment group, individual enrollment and manifest, with its path."""
    for part, entries in (
        ("groups", fleet.groups),
        ("enrollments", fleet.enrollments),
        ("manifests", fleet.manifests),
    ):
        for key, entry in entries.items():
            yield (part, key), entry


def provisionings_on(fleet: Fleet, cloud: Cloud) -> Iterator[tuple[Path, Provisioning]]:
    """Those of them that are on the cloud."""
    return ((path, each) for path, each in provisionings(fleet) if cloud in each.clouds)


def placed(fleet: Fleet) -> Iterator[tuple[Path, Provisioning, Allocation]]:
    """Those of them that a hub is chosen for, and how: all that are on Azure."""
    for path, each in provisionings_on(fleet, "azure"):
        if each.allocation is not None:
            yield path, each, each.allocation


def unknown(path: Path, name: str, known: Mapping[str, object], noun: str, where: Path) -> Iterator[Finding]:
    """A finding where `name` is no key of `known`, which stands at `where`."""
    if name not in known:
        right = one_of(known, name, f"{noun} in {'.'.join(map(str, where))}")
        yield Finding(path, f"there is no {noun} {shown(name)}", right, needs=(where,))


def differ_only_in_case(paths: Iterable[Path], who_ignores: str) -> Iterator[Finding]:
    """A finding for each key that an earlier one of `paths` is, but for case."""
    first: dict[str, str] = {}
    for path in paths:
        key = str(path[-1])
        other = first.setdefault(key.lower(), key)
        if other != key:
            wrong = f"{shown(key)} and {shown(other)} differ only in case, which {who_ignores} ignores"
            yield Finding(path, wrong, "choose another id", at_key=True)


def taken(entries: Sequence[tuple[Path, str]], noun: str, right: str) -> Iterator[Finding]:
    """A finding for each text that an earlier entry has already."""
    first: dict[str, Path] = {}
    for path, text in entries:
        other = first.setdefault(text, path)
        if other != path and _owner(other) == _owner(path):
            yield Finding(path, f"{noun} {shown(text)} stands here twice", "name it once", needs=(other,))
        elif other != path:
            wrong = f"{noun} {shown(text)} belongs to {_owner(other)} already"
            yield Finding(path, wrong, right, needs=(other,))


def ranges_begin_within(path: Path, ranges: Mapping[Any, str]) -> Iterator[Finding]:
    """A finding for each IPv4 range whose address has bits beyond its prefix, which the clouds refuse or
    read as another range."""
    for key, cidr in ranges.items():
        numbers = [int(number) for number in re.findall("[0-9]{1,3}", cidr)]
        if len(numbers) != 5:
            continue  # one address, or no range at all, which has its own finding
        network = _first_address(numbers[:4], numbers[4])
        if network != numbers[:4]:
            right = f"should be {'.'.join(map(str, network))}/{numbers[4]}"
            yield Finding((*path, key), f"{shown(cidr)} begins within its range", right)


def _first_address(address: list[int], prefix: int) -> list[int]:
    """The address without the bits beyond the prefix."""
    kept = [min(max(prefix - 8 * place, 0), 8) for place in range(4)]
    return [byte >> (8 - bits) << (8 - bits) for byte, bits in zip(address, kept, strict=True)]


def _owner(path: Path) -> str:
    return f"{str(path[0]).removesuffix('s')} {named(str(path[1]))}"
