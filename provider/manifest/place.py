"""Where this machine keeps what it knows of manifests: MUSTER_STATE_DIR, else .muster in the project.

All of it may be deleted: it is rebuilt from the service, at the price of reading its enrollments."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from provider.clients.retry import Clock
from provider.manifest.errors import BusyError, LedgerError

LOCK_SECONDS = 30.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Place:
    """The files of one manifest of one service."""

    folder: Path
    name: str

    @property
    def ledger(self) -> Path:
        """What was sent and accepted."""
        return self.folder / f"{self.name}.ledger"

    @property
    def known(self) -> Path:
        """Hashes of files, by size and time."""
        return self.folder / f"{self.name}.files"

    @property
    def refused(self) -> Path:
        """The rows that were refused, with line and reason, as CSV."""
        return self.folder / f"{self.name}.refused.csv"

    def scan(self, revision: str) -> Path:
        """What a file says, under some settings."""
        return self.folder / f"{self.name}.{revision}.scan"

    def forget_scans(self, keep: str = "") -> None:
        """Remove the scans of other revisions."""
        for path in self.folder.glob(f"{self.name}.*.scan*"):
            if path != self.scan(keep):
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self, clock: Clock) -> Iterator[None]:
        """Only one process at a time; a killed one holds nothing. Raises BusyError, CancelledError."""
        with (self.folder / f"{self.name}.lock").open("w") as file:
            ends = clock.now() + LOCK_SECONDS
            while not _taken(file.fileno()):
                if clock.now() > ends:
                    raise BusyError(
                        f"manifest {self.name}: another run is at work on it (it holds {file.name}); wait "
                        "for its end"
                    )
                clock.sleep(_POLL_SECONDS)
            yield


def place(host: str, manifest: str, environment: Mapping[str, str]) -> Place:
    """The place of a manifest; its folder is made, for this user alone. Raises LedgerError."""
    base = Path(environment.get("MUSTER_STATE_DIR") or ".muster")
    folder = base / "manifests" / host.lower()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LedgerError(
            f"{folder} cannot be made ({error.strerror}); MUSTER_STATE_DIR names another folder to keep it in"
        ) from error
    return Place(folder, manifest.lower())


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(descriptor).st_nlink > 0
