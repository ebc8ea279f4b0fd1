"""A run: check all of it, then issue, batch by batch; or go on where an earlier run of the same job ended.

Nothing is made before every row, the issuer, the signer, the template and the output were found good. Each
batch is whole on disk before it counts. The moment a run began stands in the bundle, and so does the end of
all its certificates: a run that goes on issues for the same life.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from certs.bulk import commission, output
from certs.bulk.bundle import Bundle
from certs.bulk.commission import Checked, Commission
from certs.bulk.crew import Crew
from certs.bulk.errors import OccupiedError, StoppedError
from certs.bulk.frames import Batch, decode_batch
from certs.bulk.job import Job
from certs.bulk.output import Writer
from certs.errors import CertsError
from certs.signers import Signer

Progress = Callable[[int, int], None]
"""Told after each batch: how many devices are issued, of how many."""

Enter = Callable[[Job, Iterator[Batch]], None]
"""Enters what was issued into an authority's books, before the bundle ends and anything may leave."""


@dataclass(frozen=True)
class Report:
    """What a run did: `count` devices are in the bundle, `made` of them by this run.

    `resumed` is where it went on (None: it began), after `cut` bytes of an unfinished batch were cut.
    `head` is the hash of the bundle's last frame.
    """

    path: Path
    count: int
    made: int
    resumed: int | None
    cut: int
    head: bytes


@dataclass(frozen=True)
class Watch:
    """Who is told how a run goes. `resumed` gets how many devices were there, and how many bytes were cut."""

    progress: Progress = lambda done, total: None  # noqa: ARG005  tells nobody
    resumed: Progress = lambda done, cut: None  # noqa: ARG005  as above
    enter: Enter = lambda job, batches: None  # noqa: ARG005  there are no books


def issue(
    asked: Commission,
    signer: Signer,
    crew: Crew,
    out: Path,
    resume: bool = False,
    watch: Watch = Watch(),
) -> Report:
    """Issue all of a commission into a new bundle, or, with `resume`, go on with one that is there.

    Raises ListError, IssueError, CloudError, SignerError, SealError, TemplateError, ClockError (nothing was
    begun); OccupiedError, OtherJobError, BusyBundleError, DamagedBundleError, StorageError (the output);
    StoppedError (ended early: a signer that went away, a full disk), after which `resume` goes on.
    """
    now = commission.moment()
    earlier = _earlier(out, resume)
    if earlier is not None and earlier.records == earlier.job.count:
        asked = replace(asked, issued=tuple)  # its own devices may be in the books already
    checked = commission.check(asked, signer, earlier.job if earlier else None, now)
    with closing(_opened(out, checked, earlier is not None, now)) as writer:
        course, before = writer.course, writer.course.records
        if earlier is not None:
            watch.resumed(before, writer.cut)
        if not course.ended:
            _issue_rest(writer, checked, crew, signer, watch)
        went_on = None if earlier is None else before
        return Report(out, course.records, course.records - before, went_on, writer.cut, course.head)


def _earlier(out: Path, resume: bool) -> Bundle | None:
    """A bundle that is there and may be gone on with."""
    if not (out.exists() or out.is_symlink()):
        return None
    if not resume:
        raise OccupiedError(
            f"{out} exists; a bundle is never overwritten: choose another name, or go on with it: --resume"
        )
    return Bundle.open(out, unfinished=True)


def _opened(out: Path, checked: Checked, resume: bool, now: datetime) -> Writer:
    if not resume:
        return output.create(out, checked.job)
    writer = output.resume(out, checked.compare)
    if not writer.course.ended:
        records = writer.course.records
        writer.note({"event": "resumed", "at": now.isoformat(), "records": records, "cut": writer.cut})
    return writer


def _issue_rest(writer: Writer, checked: Checked, crew: Crew, signer: Signer, watch: Watch) -> None:
    course, job = writer.course, checked.job
    watch.progress(course.records, job.count)
    try:
        with crew.at_work(job, signer) as make:
            for body in make(checked.tasks(course.batches)):
                batch = decode_batch(body)
                checked.compare(batch)
                writer.append(body, batch)
                watch.progress(course.records, job.count)
        watch.enter(job, writer.batches())
        writer.finish()
    except CertsError as error:
        raise StoppedError(error, course.records, job.count) from error
