"""What can be fuzzed, by name: where the function is, and where its seeds come from, as module:attribute."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Function: TypeAlias = Callable[[bytes], None]
Seeds: TypeAlias = Callable[[], Iterable[bytes]]

TARGETS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "pem": ("fuzz.certificates:pem", "fuzz.certificates:pem_seeds"),
        "der": ("fuzz.certificates:der", "fuzz.certificates:der_seeds"),
        "csr": ("fuzz.certificates:request", "fuzz.certificates:request_seeds"),
        "crl": ("fuzz.certificates:revocation", "fuzz.certificates:revocation_seeds"),
        "record": ("fuzz.certificates:record", "fuzz.certificates:record_seeds"),
        "csv": ("fuzz.bulk:csv", "fuzz.bulk:csv_seeds"),
        "bundle": ("fuzz.bulk:bundle", "fuzz.bulk:bundle_seeds"),
    }
)


def target(name: str) -> tuple[Function, Seeds]:
    """The function and the seeds of a target."""
    function, seeds = TARGETS[name]
    return _attribute(function), _attribute(seeds)


def _attribute(place: str) -> Any:  # noqa: ANN401  whatever stands there
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


if __name__ == "__main__":
    for each in TARGETS:
        print(each)  # noqa: T201  for `make fuzz`
