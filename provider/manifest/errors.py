"""What can go wrong with a manifest as a whole. One row's fault is no error: that row is refused and told.

ProviderError
└── ManifestError
    ├── UnreadableFileError     the file as a whole cannot be used; nothing was sent
    ├── ChangedFileError        the file is not, or no longer, the one that the program hashed
    ├── RemovalRefusedError     more rows would be removed than is allowed without saying so
    ├── ForeignManifestError    enrollments in the service carry this manifest's name, unknown to the state
    ├── BusyError               another process works on the same manifest
    ├── LedgerError             what this machine keeps of manifests cannot be read or written
    └── StoppedError            the run came to its end too early, and the state has nothing to keep of it
"""

from __future__ import annotations

from collections.abc import Sequence

from provider.errors import ProviderError

SHOWN_FAULTS = 20


class ManifestError(ProviderError):
    """Root of the tree."""


class UnreadableFileError(ManifestError):
    """The file's form, or what its rows say together, is wrong. `faults` name their lines."""

    def __init__(self, file: str, faults: Sequence[str], more: int = 0) -> None:
        shown = list(faults[:SHOWN_FAULTS])
        hidden = more + len(faults) - len(shown)
        tail = [f"and {hidden:,} more"] if hidden else []
        super().__init__("\n  ".join([f"{file} cannot be used, nothing was sent:", *shown, *tail]))
        self.faults = tuple(faults)


class ChangedFileError(ManifestError):
    """The file changed after the program had hashed it."""


class RemovalRefusedError(ManifestError):
    """A truncated file would wipe out a fleet."""


class ForeignManifestError(ManifestError):
    """A new manifest meets enrollments that a manifest of its name made."""


class BusyError(ManifestError):
    """Two runs over one manifest would get into each other's way."""


class LedgerError(ManifestError):
    """The folder of the ledger is not writable, the disk is full, or its file is none of ours."""


class StoppedError(ManifestError):
    """Nothing, or not all, was done; run again, it goes on from there."""
