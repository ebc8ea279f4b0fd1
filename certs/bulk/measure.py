"""Measures what a plan is made from, on this machine; keys that are made for it are forgotten at once."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pyrage  # type: ignore[import-untyped]  # has no types
from cryptography import x509

from certs import assemble, profiles
from certs.bulk.commission import BATCH, Commission, asked, moment
from certs.bulk.job import Job
from certs.bulk.lists import Range, Row
from certs.bulk.plan import Cost, Machine
from certs.bulk.work import Press, Task
from certs.errors import StorageError
from certs.keys import DEFAULT, Algorithm
from certs.signers import Signer
from certs.signers.file import FileSigner

SECONDS = 0.5
"""How long each thing is measured, at least."""
_KEYS = 12
"""Keys that are made at least: how long one of RSA takes is a matter of chance."""
_WRITES = 8


def measure(
    algorithms: Iterable[Algorithm],
    directory: Path,
    processes: int,
    authority: tuple[Signer, x509.Certificate] | None = None,
) -> Machine:
    """What this machine does, writing to `directory`; with an authority's own signer, where one is given.

    Raises StorageError, SignerError.
    """
    signer, issuer = authority or throwaway()
    costs = [_cost(algorithm, signer, issuer) for algorithm in algorithms]
    own = _memory()
    speedup, worker = _together(processes) if processes > 1 else (1.0, 0)
    return Machine(costs, _write_seconds(directory), processes, speedup, own, worker)


def throwaway() -> tuple[Signer, x509.Certificate]:
    """An authority that nobody trusts."""
    signer = FileSigner(DEFAULT.generate())
    order = assemble.Order(profiles.ROOT, assemble.subject("measure root"), signer.public_key(), 3650)
    return signer, assemble.self_signed(order, signer)


def job_for(algorithm: Algorithm, issuer: x509.Certificate) -> Job:
    """A job to measure, whose keys nobody can open."""
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    made = Commission(Range("measure-{:09d}", 1), issuer, recipient, algorithm=algorithm, days=1)
    return replace(asked(made, moment()), count=1, listed="00" * 32)


def burst(press: Press, seconds: float, least: int) -> tuple[int, float, int]:
    """Make batches for a while: devices, how long it took, bytes."""
    press.batch(_task(1))  # what is made once is not counted
    begun, devices, size, data = time.perf_counter(), 0, 1, 0
    while devices < least or time.perf_counter() - begun < seconds:
        data += len(press.batch(_task(size)))
        devices += size
        size = min(size * 2, BATCH // 4)
    return devices, time.perf_counter() - begun, data


def _cost(algorithm: Algorithm, signer: Signer, issuer: x509.Certificate) -> Cost:
    devices, seconds, data = burst(Press(job_for(algorithm, issuer), signer), SECONDS, _KEYS)
    return Cost(algorithm.name, seconds / devices, data / devices)


def _task(size: int) -> Task:
    return Task(0, 0, [Row(at, f"measure-{at:09d}") for at in range(size)])


def _write_seconds(directory: Path) -> float:
    """Seconds a byte: a batch, and a flush to disk after each."""
    data = os.urandom(640 * BATCH)
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            begun = time.perf_counter()
            for _ in range(_WRITES):
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(directory, error) from error
    return (time.perf_counter() - begun) / (_WRITES * len(data))


def _together(processes: int) -> tuple[float, int]:
    """How much more than one process all of them make, and the memory of each."""
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        alone, _ = pool.submit(_rate, time.time()).result()
        begin = time.time() + SECONDS  # all at the same moment
        found = [each.result() for each in [pool.submit(_rate, begin) for _ in range(processes)]]
    # More than so many times one process is noise.
    speedup = min(float(processes), max(1.0, sum(rate for rate, _ in found) / alone))
    return speedup, max(memory for _, memory in found)


def _rate(begin: float) -> tuple[float, int]:
    """In a process of its own: devices a second from a moment on, and memory."""
    signer, issuer = throwaway()
    press = Press(job_for(DEFAULT, issuer), signer)
    time.sleep(max(0.0, begin - time.time()))
    devices, seconds, _ = burst(press, 2 * SECONDS, 1)
    return devices / seconds, _memory()


def _memory() -> int:
    """The bytes that this process holds now: its peak would count that of the process that started it."""
    return int(psutil.Process().memory_info().rss)
