"""The columns of a manifest: which there are, which are needed, and which cannot stand together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from provider.manifest.settings import TPM, X509

REGISTRATION_ID: Final = "registration_id"
COLUMNS: Final = (
    REGISTRATION_ID,
    "device_id",
    "attestation",
    "certificate",
    "secondary_certificate",
    "endorsement_key",
    "enabled",
    "iot_edge",
    "tags",
    "desired",
)
TWIN_PARTS: Final = ("tags", "desired")
_NEEDED: Final = {X509: "certificate", TPM: "endorsement_key"}
_KEY = re.compile(r"[^.$\s\x00-\x1f]+")


def faults(names: Sequence[str], attestation: str) -> list[str]:
    """What is wrong with a file's columns, given how its rows attest by default."""
    return [*_doubles(names), *_unknown(names), *_missing(names, attestation), *_clashes(names)]


@lru_cache
def twin_path(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The part and the path of a twin's column: `tags.site.name` is ("tags", ("site", "name"))."""
    part, dot, rest = name.partition(".")
    return (part, tuple(rest.split("."))) if dot and part in TWIN_PARTS else None


def _doubles(names: Sequence[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"column {name} comes {times} times; once would be right"


def _unknown(names: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        path = twin_path(name)
        if path is not None and all(_KEY.fullmatch(key) for key in path[1]):
            continue
        if name not in COLUMNS:
            close = get_close_matches(name.lower(), COLUMNS, n=1)
            known = (
                f"did you mean {close[0]}?" if close else f"known are {', '.join(COLUMNS)}, tags.*, desired.*"
            )
            yield f'there is no column "{name[:60]}"; {known}'


def _missing(names: Sequence[str], attestation: str) -> Iterator[str]:
    if REGISTRATION_ID not in names:
        yield f"column {REGISTRATION_ID} is missing; each row needs it"
    needed = _NEEDED.get(attestation)
    if needed and needed not in names and "attestation" not in names:
        yield f"column {needed} is missing; rows that attest by {attestation} need it"


def _clashes(names: Sequence[str]) -> Iterator[str]:
    given = set(names)
    for name in sorted(given):
        above = name.rpartition(".")[0]
        while above:
            if above in given:
                yield f"columns {above} and {name} say the same thing twice; one of them would be right"
            above = above.rpartition(".")[0]
