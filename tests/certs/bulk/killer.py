"""Kills runs at random moments, over and over, and looks after each kill at what is there.

A run is a child that is forked with everything loaded, so that the moments fall into the issue and not into
imports; its writes come in small pieces, so that many kills tear one. Called with: the authority's directory,
an output (.bundle or .sqlite), a recipient, how many kills; the passphrase on standard input. Prints what it
did, as JSON; any broken promise ends it with an AssertionError.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from certs.bulk import flat, output
from certs.bulk.bundle import Bundle
from certs.bulk.commission import Commission
from certs.bulk.crew import Alone
from certs.bulk.lists import Range
from certs.bulk.run import Watch, issue
from certs.chain import load_certificate
from certs.store import KeyStore

DEVICES, BATCH, PIECE = 400, 16, 1500
IDS = [f"reefer-{number:04d}" for number in range(1, DEVICES + 1)]


class Pieces:
    """A file that takes a piece at a time, and not too quickly: half of a run is spent in here."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> int:
        time.sleep(0.0004)
        return int(self._file.write(bytes(data[:PIECE])))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Writer(flat.FlatWriter):
    """Writes in pieces."""

    def __init__(self, path: Path, file: Any, course: Any) -> None:
        super().__init__(path, Pieces(file), course)  # type: ignore[arg-type]  # all that is used of a file


def main() -> None:
    pki, out, recipient, kills = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    oslo = load_certificate(pki / "oslo.pem")
    signer = KeyStore(pki / "keys", sys.stdin.readline().strip().encode()).signer_for(oslo)
    asked = Commission(Range("reefer-{:04d}", DEVICES), oslo, recipient, batch=BATCH)
    output.FlatWriter = Writer  # type: ignore[attr-defined]  # the same, in pieces

    def run(told: Path) -> None:
        def resumed(done: int, cut: int) -> None:
            told.write_text(f"{done} {cut}")

        issue(asked, signer, Alone(), out, resume=True, watch=Watch(resumed=resumed))

    sys.stdout.write(json.dumps(kill(run, out, kills)))


def kill(run: Callable[[Path], None], out: Path, kills: int) -> dict[str, Any]:
    begun = time.monotonic()
    forked(run, out, None)
    whole = time.monotonic() - begun
    serials = set(finished(out))
    out.unlink()
    done: dict[str, Any] = {"kills": 0, "runs": 0, "bundles": 1, "torn": 0}
    hashes: list[bytes] = []
    while done["kills"] < kills:
        told = out.with_suffix(".told")
        told.unlink(missing_ok=True)
        killed = forked(run, out, random.random() * whole)
        done["runs"] += 1
        done["kills"] += killed
        if told.exists():
            done["torn"] += told.read_text().partition(" ")[2] not in ("", "0")  # "": killed as it told
        if not out.exists():
            continue
        hashes = still_there(out, hashes)
        if Bundle.open(out, unfinished=True).finished:
            found = finished(out)
            assert not serials & set(found), "a serial came twice"
            serials |= set(found)
            done["bundles"] += 1
            hashes = []
            out.unlink()
    forked(run, out, None)
    assert not serials & set(finished(out)), "a serial came twice"
    done["left"] = [path.name for path in out.parent.iterdir() if path.name.startswith(f".{out.name}")]
    return done


def forked(run: Callable[[Path], None], out: Path, delay: float | None) -> bool:
    """Run in a child, killed after a while; whether it was still alive then."""
    child = os.fork()
    if child == 0:
        run(out.with_suffix(".told"))
        os._exit(0)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "a run failed"
    return os.WIFSIGNALED(status)


def still_there(out: Path, before: list[bytes]) -> list[bytes]:
    """The batches' hashes: whole, the list's own devices, and those of before among them."""
    hashes, ids = [], []
    for batch in Bundle.batches(out, unfinished=True):
        hashes.append(batch.hash)
        ids += [record.registration_id for record in batch.records]
        assert batch.sealed
    assert ids == IDS[: len(ids)], "other devices than the list has"
    assert len(ids) % BATCH == 0 or len(ids) == DEVICES, "half a batch was read as whole"
    # A note stands in the chain where a run went on, so a batch's hash stays what it was when it was whole.
    assert hashes[: len(before)] == before, "a whole batch is gone"
    return hashes


def finished(out: Path) -> list[int]:
    """The serials of a finished bundle, which holds what the list asks for, each once."""
    assert Bundle.open(out).finished
    records = [record for batch in Bundle.batches(out) for record in batch.records]
    assert [record.registration_id for record in records] == IDS
    serials = [record.serial for record in records]
    assert len(set(serials)) == DEVICES
    return serials


if __name__ == "__main__":
    main()
