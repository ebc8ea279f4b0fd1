"""Fuzz one target: `python -m fuzz TARGET --seconds 60`. Exit code 0: nothing was found.

Inputs that were interesting, and those that broke something, stay below --corpus.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # it has no types

from fuzz.targets import TARGETS, Function, Seeds, target

PACKAGES = ["certs"]


def run(function: Function, seeds: Seeds, seconds: int, corpus: Path) -> None:
    """Fuzz until the time is over or something breaks; the process ends with it."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={corpus}{os.sep}broke-", "-max_len=65536"]
    atheris.Setup([sys.argv[0], *options, "-verbosity=0", str(corpus)], function)
    atheris.Fuzz()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="Where inputs are kept; else nowhere.")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    with atheris.instrument_imports(include=PACKAGES):
        chosen = target(given.target)
    run(*chosen, given.seconds, given.corpus or Path(tempfile.mkdtemp(prefix="fuzz-")))
