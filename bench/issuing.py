"""Issuing for many devices, P-256, beside the floor, the ordinary builder, Go and OpenSSL, in turn.

The floor is what cannot be saved: one key and one signature by the library underneath. Peers write nothing,
as the side `template` does; the others seal the private keys and write durably. The Go program is built here
from `bench/go`; OpenSSL is its command, three processes a device, as scripts do it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.report import section
from bench.rounds import Series, interleave, ratio, seconds
from bench.workspace import PROJECT
from certs import authority, profiles
from certs.bulk.bundle import Bundle
from certs.bulk.commission import Commission, moment
from certs.bulk.crew import Alone, Crew, Processes
from certs.bulk.keypairs import KeyPairs
from certs.bulk.lists import Range
from certs.bulk.mint import Mint
from certs.bulk.run import Watch, issue
from certs.bulk.sealing import new_identity
from certs.bulk.template import Design
from certs.bulk.work import KeyAccess
from certs.issue import issue_device
from certs.keys import DEFAULT
from certs.signers import Signer

ROUNDS = 7
DEVICES = 8192
MEMORY_SIZES, FULL_MEMORY_SIZES = (10_000, 100_000), (10_000, 1_000_000)
TEMPLATE_GOAL, WRITTEN_GOAL, TOGETHER_GOAL, MEMORY_GOAL = 1.6, 2.0, 1.8, 150
"""Times the floor; times the floor; times one process; MiB."""

_BUILDER_DEVICES, _OPENSSL_DEVICES = 512, 4
_WARM = 4
_PASSPHRASE = b"only for this measurement"


@dataclass(frozen=True)
class Measured:
    """Seconds a device for each side, by its name, and MiB at most for each number of devices."""

    sides: dict[str, Series]
    memory: dict[int, float]

    def times_the_floor(self, side: str) -> float:
        """How much longer a side takes than the floor."""
        return ratio(self.sides[side], self.sides["floor"])

    @property
    def together(self) -> float:
        """How much more two processes make than one."""
        return ratio(self.sides["one_process"], self.sides["two_processes"])

    @property
    def room(self) -> float:
        """How much more two processes can make here at all: the floor's own."""
        return ratio(self.sides["floor"], self.sides["floor_two"])


def measure(*, full: bool = False, rounds: int = ROUNDS) -> Measured:
    """Every side in turn, then memory at two sizes; with `full` the larger is a million."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        place = _Place(Path(folder))
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as two:
            sides = interleave(rounds, **place.sides(two))
        return Measured(
            sides, {size: _memory(size) for size in (FULL_MEMORY_SIZES if full else MEMORY_SIZES)}
        )


def report(found: Measured) -> str:
    """The section of docs/benchmarks.md."""
    rows = [
        (title, f"{_micro(found.sides[side])} | {found.times_the_floor(side):.2f}")
        for side, title in _TITLES.items()
        if side in found.sides
    ]
    rows += [(f"memory at most, {size:,} devices", f"{mib:.0f} MiB | ") for size, mib in found.memory.items()]
    bare, written = found.times_the_floor("template"), found.times_the_floor("bundle")
    goal = (
        f"Goals: without writing at most {TEMPLATE_GOAL} times the floor, {bare:.2f}; "
        f"with sealed keys and durable writes at most {WRITTEN_GOAL}, {written:.2f}; "
        f"two processes at least {TOGETHER_GOAL} times one, {found.together:.2f} (of the floor, two make "
        f"{found.room:.2f} times what one makes on this machine); memory flat and under "
        f"{MEMORY_GOAL} MiB, {max(found.memory.values()):.0f} MiB."
    )
    how = f"P-256 key and leaf, {DEVICES:,} devices a round, all sides in turn."
    return section("Issuing in bulk", how, "µs a device | times the floor", rows, goal)


_TITLES = {
    "floor": "floor: one key, one signature",
    "floor_two": "the floor in two processes",
    "template": "template, nothing written",
    "bundle": "`muster certs bulk`: checked, sealed, a durable bundle",
    "sqlite": "the same into SQLite",
    "one_process": "one process, under way",
    "two_processes": "two processes, under way",
    "builder": "the ordinary builder (`muster certs issue`), nothing written",
    "go_one": "Go crypto/x509, one goroutine, nothing written",
    "go_two": "Go crypto/x509, two goroutines, nothing written",
    "openssl": "`openssl` command, three processes a device",
}


class _Place:
    """An authority, a line, and the sides that work with them; each gives seconds a device."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        authority.init(folder / "pki", "coldchain", ["oslo"], _PASSPHRASE)
        self._issuer = authority.load(folder / "pki").issuers["oslo"]
        self._access = KeyAccess(folder / "pki" / "keys", _PASSPHRASE)
        self._signer: Signer = self._access.signer_for(self._issuer)
        self._recipient = new_identity(folder / "line.key")
        valid = (moment(), moment() + timedelta(days=365))
        self._mint = Mint(Design(profiles.DEVICE, self._issuer, valid), self._signer)
        self._keys = KeyPairs(DEFAULT)

    def sides(self, two: ProcessPoolExecutor) -> dict[str, Callable[[], float]]:
        """By name; Go's and OpenSSL's only where they are installed."""
        found: dict[str, Callable[[], float]] = {
            "floor": lambda: seconds(_floor) / DEVICES,
            "floor_two": lambda: seconds(lambda: _twice(two)) / (2 * DEVICES),
            "template": lambda: seconds(self._template) / DEVICES,
            "bundle": lambda: self._bulk("a.bundle"),
            "sqlite": lambda: self._bulk("a.sqlite"),
            "builder": lambda: seconds(self._builder) / _BUILDER_DEVICES,
            "one_process": lambda: self._under_way(Alone()),
            "two_processes": lambda: self._under_way(Processes(2, self._access)),
        }
        if shutil.which("go"):
            program = _go(self._folder)
            found["go_one"] = lambda: _told(program, DEVICES // 2, 1)
            found["go_two"] = lambda: _told(program, DEVICES // 2, 2)
        if shutil.which("openssl"):
            found["openssl"] = lambda: seconds(self._openssl) / _OPENSSL_DEVICES
        return found

    def _template(self) -> None:
        for number in range(DEVICES):
            _, public = self._keys.new()
            self._mint.certificate(f"reefer-{number:06d}", DEFAULT, public)

    def _builder(self) -> None:
        for number in range(_BUILDER_DEVICES):
            issue_device(self._signer, self._issuer, f"reefer-{number:06d}")

    def _bulk(self, name: str) -> float:
        out = self._folder / name
        took = seconds(lambda: self._issue(Alone(), out, Watch()))
        assert Bundle.open(out).records == DEVICES
        out.unlink()
        return took / DEVICES

    def _under_way(self, crew: Crew) -> float:
        """From a few batches on, when every worker is at work, to the end."""
        out, told = self._folder / "b.bundle", []
        self._issue(crew, out, Watch(progress=lambda done, _: told.append((time.perf_counter(), done))), 2)
        out.unlink()
        (begin, first), (end, last) = told[_WARM], told[-1]
        return (end - begin) / (last - first)

    def _issue(self, crew: Crew, out: Path, watch: Watch, times: int = 1) -> None:
        asked = Commission(Range("reefer-{:06d}", DEVICES * times), self._issuer, self._recipient)
        issue(asked, self._signer, crew, out, watch=watch)

    def _openssl(self) -> None:
        with _signing_files(self._folder, self._issuer) as (certificate, key):
            for number in range(_OPENSSL_DEVICES):
                new = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "d.key"]
                ask = [
                    "openssl",
                    "req",
                    "-new",
                    "-key",
                    "d.key",
                    "-subj",
                    f"/CN=reefer-{number}",
                    "-out",
                    "d.csr",
                ]
                sign = [
                    "openssl",
                    "x509",
                    "-req",
                    "-in",
                    "d.csr",
                    "-CA",
                    certificate,
                    "-CAkey",
                    key,
                    "-out",
                    "d.pem",
                ]
                for command in (new, ask, [*sign, "-days", "365", "-CAcreateserial"]):
                    subprocess.run(command, cwd=self._folder, check=True, capture_output=True)


def _floor() -> None:
    curve, kind, data = ec.SECP256R1(), ec.ECDSA(hashes.SHA256()), b"x" * 400
    own = ec.generate_private_key(curve)
    for _ in range(DEVICES):
        ec.generate_private_key(curve)
        own.sign(data, kind)


def _twice(two: ProcessPoolExecutor) -> None:
    for each in [two.submit(_floor), two.submit(_floor)]:
        each.result()


@contextmanager
def _signing_files(folder: Path, issuer: x509.Certificate) -> Iterator[tuple[str, str]]:
    """A certificate and a key as OpenSSL's command needs them: of another authority, forgotten at once."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    builder = x509.CertificateBuilder(issuer.subject, issuer.subject, key.public_key(), 1)
    made = builder.not_valid_before(moment()).not_valid_after(moment() + timedelta(days=999))
    (folder / "ca.key").write_bytes(text)
    (folder / "ca.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    yield "ca.pem", "ca.key"
    (folder / "ca.key").unlink()


def _go(folder: Path) -> Path:
    """The Go peer, built with the toolchain that is there; it needs no module from elsewhere."""
    variables = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    command = ["go", "build", "-o", str(folder / "issue"), "."]
    subprocess.run(command, cwd=PROJECT / "bench" / "go", env=variables, check=True, capture_output=True)
    return folder / "issue"


def _told(program: Path, devices: int, workers: int) -> float:
    done = subprocess.run([program, str(devices), str(workers)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _memory(devices: int) -> float:
    """MiB at most of a process that issues for so many, with all that `muster certs bulk` does."""
    command = [sys.executable, "-m", "bench.issuing", "--memory", str(devices)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _own_memory(devices: int) -> float:
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        place = _Place(Path(folder))
        place._issue(Alone(), Path(folder, "a.bundle"), Watch(), devices // DEVICES)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _micro(series: Series) -> str:
    scaled = Series(series.name, [value * 1e6 for value in series.values])
    return scaled.spread()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--full", action="store_true", help="Memory at a million devices.")
    parser.add_argument("--memory", type=int, help="Only issue for so many devices; print MiB at most.")
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    print(
        _own_memory(given.memory) if given.memory else report(measure(full=given.full, rounds=given.rounds))
    )
