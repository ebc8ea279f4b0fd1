"""Who does the work: this process, processes beside it, or a Dask cluster. Batches come back in order.

A worker that fails tells so in an `Outcome`, since not every error can be sent between processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

from certs.bulk.errors import BulkError
from certs.bulk.job import Job
from certs.bulk.work import KeyAccess, Press, Task
from certs.errors import CertsError, SignerUnavailableError
from certs.signers import Signer

_AHEAD = 2
"""Batches that wait for each worker: it never idles, and memory stays flat."""


class Outcome(NamedTuple):
    """A batch's body, or in words why there is none."""

    body: bytes
    error: str = ""
    unavailable: bool = False

    def take(self) -> bytes:
        """The body; raises SignerUnavailableError or BulkError."""
        if self.error:
            raise (SignerUnavailableError if self.unavailable else BulkError)(self.error)
        return self.body


Make = Callable[[Iterable[Task]], Iterator[bytes]]
"""Makes batches, in order; raises BulkError, SignerError."""


class Crew(Protocol):
    """Whoever makes batches."""

    def at_work(self, job: Job, signer: Signer) -> AbstractContextManager[Make]:
        """Ready for one job until the block ends."""
        ...


class Alone:
    """This process, with the signer that it has open."""

    @contextmanager
    def at_work(self, job: Job, signer: Signer) -> Iterator[Make]:
        """Batch by batch."""
        press = Press(job, signer)
        yield lambda tasks: (press.batch(task) for task in tasks)


class Processes:
    """So many processes beside this one, each with a signer that it opens itself."""

    def __init__(self, count: int, access: KeyAccess) -> None:
        self._count = count
        self._access = access

    @contextmanager
    def at_work(self, job: Job, signer: Signer) -> Iterator[Make]:  # noqa: ARG002  the workers open their own
        """Started anew (`spawn`): nothing of this process's memory is in them."""
        pool = ProcessPoolExecutor(
            self._count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(job, self._access),
        )
        try:
            yield lambda tasks: self._made(pool, tasks)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _made(self, pool: ProcessPoolExecutor, tasks: Iterable[Task]) -> Iterator[bytes]:
        try:
            yield from in_order(lambda task: pool.submit(_work, task).result, tasks, self._count * _AHEAD)
        except BrokenProcessPool as error:
            raise BulkError("a worker process ended by itself (was it killed, or out of memory?)") from error


def in_order(
    begin: Callable[[Task], Callable[[], Outcome]], tasks: Iterable[Task], ahead: int
) -> Iterator[bytes]:
    """Begin tasks, so many at most before their results are taken, and give the bodies in order."""
    waiting: deque[Callable[[], Outcome]] = deque()
    for task in tasks:
        waiting.append(begin(task))
        if len(waiting) >= ahead:
            yield waiting.popleft()().take()
    while waiting:
        yield waiting.popleft()().take()


def attempt(make: Callable[[], bytes]) -> Outcome:
    """What `make` gives, or why it fails in a way that is the user's to mend."""
    try:
        return Outcome(make())
    except CertsError as error:
        return Outcome(b"", str(error) or type(error).__name__, isinstance(error, SignerUnavailableError))


class _Worker:
    """What this process is, when it is a worker."""

    press: Press | None = None
    failed = Outcome(b"")


def _begin(job: Job, access: KeyAccess) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers in order
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _Worker.failed = attempt(lambda: _open(job, access))


def _open(job: Job, access: KeyAccess) -> bytes:
    _Worker.press = Press(job, access.signer_for(job.certificate()))
    return b""


def _work(task: Task) -> Outcome:
    press = _Worker.press
    return attempt(lambda: press.batch(task)) if press is not None else _Worker.failed


def _end_with_the_parent() -> None:
    """A parent that was killed cannot stop its workers; without it they would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
