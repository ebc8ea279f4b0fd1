"""A Dask cluster as crew: the same batches, made on other machines (extra "cluster", imported when used).

Each worker opens the issuer's key by itself, from what its own environment names (MUSTER_KEY_STORE and its
passphrase; or a reference to a hardware module or key service): nothing secret goes through the scheduler.
Private keys that are made come back sealed. Whoever speaks to a scheduler runs code on its workers, and they
on us, so past this machine only TLS is spoken (`tls://`, with the certificates of Dask's own configuration).
"""

from __future__ import annotations

import importlib
import ipaddress
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from certs.bulk.crew import Make, Outcome, attempt, in_order
from certs.bulk.errors import ClusterError
from certs.bulk.job import Job
from certs.bulk.work import KeyAccess, Press, Task
from certs.signers import Signer

_CONNECT_SECONDS = 10
_AHEAD = 2


class Cluster:
    """The workers of a scheduler (`tls://host:port`; `tcp://` on this machine alone)."""

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler
        _check_address(scheduler)

    @contextmanager
    def at_work(self, job: Job, signer: Signer) -> Iterator[Make]:  # noqa: ARG002  the workers open their own
        """Connected. Raises ClusterError: not installed, not reached, or no workers."""
        distributed = _library()
        try:
            client = distributed.Client(
                self._scheduler, timeout=_CONNECT_SECONDS, set_as_default=False, direct_to_workers=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(f"{self._scheduler}: no scheduler answers there ({error})") from error
        try:
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            if not workers:
                raise ClusterError(f"{self._scheduler}: the scheduler has no workers")
            yield lambda tasks: _made(client, job, tasks, workers * _AHEAD)
        finally:
            client.close()


def work(job: Job, task: Task) -> Outcome:
    """What runs on a worker."""
    return attempt(lambda: _press(job).batch(task))


def _made(client: Any, job: Job, tasks: Iterable[Task], ahead: int) -> Iterator[bytes]:  # noqa: ANN401  a Client
    # `pure=False`: a task has a name of its own, so that Dask never takes an earlier batch for its result.
    def begin(task: Task) -> Callable[[], Outcome]:
        future = client.submit(work, job, task, pure=False)
        return lambda: _result(future)

    yield from in_order(begin, tasks, ahead)


def _result(future: Any) -> Outcome:  # noqa: ANN401  a Future
    try:
        found = future.result()
    except Exception as error:
        raise ClusterError(f"a worker of the cluster failed: {type(error).__name__}: {error}") from error
    finally:
        future.release()
    return Outcome(*found)


@lru_cache(maxsize=4)
def _press(job: Job) -> Press:
    return Press(job, KeyAccess(None).signer_for(job.certificate()))


def _library() -> Any:  # noqa: ANN401  a module
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        raise ClusterError("a cluster needs Dask: pip install 'muster[cluster]'") from error


def _check_address(scheduler: str) -> None:
    parts = urlsplit(scheduler)
    if parts.scheme == "tls" and parts.hostname:
        return
    if parts.scheme != "tcp" or not _is_here(parts.hostname or ""):
        raise ClusterError(f"{scheduler!r}: a scheduler is spoken to over TLS, as tls://host:port")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
