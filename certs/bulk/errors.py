"""Every error of `certs.bulk`, in one tree.

certs.errors.CertsError
└── BulkError
    ├── ListError            the list has bad rows; `.faults` names them, nothing was issued
    ├── TemplateError        the fast path does not give what the builder gives; nothing is issued by it
    ├── StoppedError         a run ended early; what was issued is whole, and `--resume` goes on
    ├── SealError            no such recipient, or an identity that does not open the keys
    ├── ClusterError         the scheduler cannot be reached or may not be used
    └── BundleError
        ├── DamagedBundleError    what stands in it is not what was written
        ├── UnfinishedBundleError the run that writes it has not ended
        ├── OtherJobError         it belongs to another list, issuer, profile or recipient
        └── BusyBundleError       another run writes it now
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from certs.errors import CertsError


class BulkError(CertsError):
    """Anything that goes wrong in `certs.bulk` alone."""


class ListError(BulkError):
    """A list cannot be issued: `faults` names the rows (the first `SHOWN` of them), `count` counts all."""

    SHOWN = 1000

    def __init__(self, name: str, faults: Sequence[str], count: int) -> None:
        self.faults = tuple(faults)
        self.count = count
        more = [f"and {count - len(faults)} more"] if count > len(faults) else []
        lines = "\n".join(f"{name}, {fault}" for fault in faults)
        super().__init__("\n".join([lines, *more, "nothing was issued"]))


class TemplateError(BulkError):
    """The template does not reproduce the builder's certificate byte for byte, or a key has another form."""


class StoppedError(BulkError):
    """A run ended before its list did. `done` devices of `total` are issued and whole."""

    def __init__(self, why: BaseException | str, done: int, total: int) -> None:
        self.done = done
        self.total = total
        text = str(why) or type(why).__name__
        super().__init__(
            f"{text}\n{done} of {total} devices are issued and whole: when that is mended, --resume goes on"
        )


class SealError(BulkError):
    """A recipient is no age recipient, or an identity does not open an envelope."""


class ClusterError(BulkError):
    """The Dask scheduler cannot be reached, or is not spoken to safely."""


class BundleError(BulkError):
    """Something about a bundle; always one of the kinds below, or a file that is no bundle."""


class DamagedBundleError(BundleError):
    """Bytes of a bundle were changed, removed or added."""

    def __init__(self, path: Path | str, wrong: str) -> None:
        super().__init__(f"{path}: {wrong}; restore it from a copy")
        self.wrong = wrong


class UnfinishedBundleError(BundleError):
    """The run that writes a bundle has not ended, so nothing in it may leave yet."""


class OtherJobError(BundleError):
    """A bundle cannot be gone on with: it was begun for something else."""


class OccupiedError(BundleError):
    """The output exists already. Nothing is ever overwritten."""


class BusyBundleError(BundleError):
    """Another run writes this bundle now."""
