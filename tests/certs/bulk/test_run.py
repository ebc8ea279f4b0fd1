"""Runs: what stops one, and that going on gives what one without a stop would have given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certs import profiles
from certs.bulk import commission
from certs.bulk.bundle import Batch, Bundle, job_of
from certs.bulk.crew import Alone
from certs.bulk.errors import (
    BulkError,
    DamagedBundleError,
    ListError,
    OtherJobError,
    StoppedError,
    UnfinishedBundleError,
)
from certs.bulk.lists import CsvList, Range
from certs.bulk.requests import RequestFolder
from certs.bulk.run import Watch, issue
from certs.bulk.sealing import new_identity
from certs.bulk.work import Press, Task
from certs.errors import CertsError, ClockError, IssueError, SignerError, SignerUnavailableError, StorageError
from certs.keys import ALGORITHMS
from certs.signers.file import FileSigner

FORMATS = ("devices.bundle", "devices.sqlite")


def issued(path: Path) -> dict[str, int]:
    """Registration id to serial of every device; each once, no serial twice."""
    records = [record for batch in Bundle.batches(path) for record in batch.records]
    found = {record.registration_id: record.serial for record in records}
    assert len(found) == len(records) == len(set(found.values()))
    return found


class Failing:
    """A signer that signs so often, and is not there any more."""

    def __init__(self, inner: Any, times: int, error: CertsError | None = None) -> None:
        self._inner, self._left = inner, times
        self._error = error or SignerUnavailableError("the module went away")

    def public_key(self) -> Any:
        return self._inner.public_key()

    def sign(self, data: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise self._error
        signature: bytes = self._inner.sign(data)
        return signature


@pytest.mark.parametrize("name", FORMATS)
def test_a_signer_that_goes_away_in_the_middle(
    name: str, tmp_path: Path, commissioned: Any, pki: Any
) -> None:
    path, seen = tmp_path / name, []
    with pytest.raises(StoppedError, match=r"8 of 20 devices are issued and whole.*--resume") as caught:
        issue(commissioned(), Failing(pki.oslo_signer, 11), Alone(), path)
    assert (caught.value.done, caught.value.total) == (8, 20)
    with pytest.raises(UnfinishedBundleError, match="8 of 20"):
        Bundle.open(path)
    first = {r.registration_id: r.serial for b in Bundle.batches(path, unfinished=True) for r in b.records}
    watch = Watch(progress=lambda done, total: seen.append((done, total)))
    report = issue(commissioned(), pki.oslo_signer, Alone(), path, True, watch)
    assert (report.count, report.made, report.resumed, report.cut) == (20, 12, 8, 0)
    assert seen == [(8, 20), (16, 20), (20, 20)]
    found = issued(path)
    assert list(found) == [f"reefer-{n:03d}" for n in range(1, 21)]
    assert first.items() <= found.items()
    assert Bundle.open(path).notes == 1
    again = issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
    assert (again.made, again.resumed, again.head) == (0, 20, report.head)


def test_resume_of_what_is_not_there_begins(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    report = issue(commissioned(), pki.oslo_signer, Alone(), tmp_path / "a.bundle", resume=True)
    assert (report.made, report.resumed) == (20, None)


@pytest.mark.parametrize("cut", [1, 40, 700])
def test_a_torn_tail_is_cut_and_the_log_says_so(
    cut: int, tmp_path: Path, commissioned: Any, pki: Any
) -> None:
    path = tmp_path / "devices.bundle"
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 17), Alone(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    report = issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
    assert report.resumed == 8
    assert report.cut > 0
    assert len(issued(path)) == 20


def test_all_is_refused_before_anything_is_made(
    tmp_path: Path, commissioned: Any, pki: Any, forge: Any
) -> None:
    bergen = pki.store.signer_for(pki.bergen)
    expired = forge("old", ca=True, begins=-9, ends=-2)
    cases: list[tuple[type[Exception], dict[str, Any], Any]] = [
        (SignerError, {}, bergen),
        (ListError, {"source": Range("bad id {}", 3)}, pki.oslo_signer),
        (IssueError, {"days": 4000}, pki.oslo_signer),
        (IssueError, {"profile": profiles.GATEWAY}, pki.oslo_signer),
    ]
    for error, changes, signer in cases:
        with pytest.raises(error):
            issue(commissioned(**changes), signer, Alone(), tmp_path / "a.bundle")
    asked = commission.Commission(Range("r-{}", 3), expired.certificate, commissioned().recipient, days=1)
    with pytest.raises(IssueError, match="expired"):
        issue(asked, FileSigner(expired.key), Alone(), tmp_path / "a.bundle")
    assert list(tmp_path.iterdir()) == []


CHANGED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"source": Range("reefer-{:03d}", 21)}, "another list"),
    ({"source": Range("reefer-{:03d}", 20, 2)}, "another list"),
    ({"days": 30}, "for 365 days"),
    ({"profile": profiles.CLAIM, "days": 365}, "profile device"),
    ({"algorithm": ALGORITHMS["ec-p384"]}, "algorithm ec-p256"),
)


@pytest.mark.parametrize(("changes", "told"), CHANGED)
def test_another_job_does_not_go_on(
    changes: dict[str, Any], told: str, tmp_path: Path, commissioned: Any, pki: Any
) -> None:
    path = tmp_path / "devices.bundle"
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 11), Alone(), path)
    before = path.read_bytes()
    with pytest.raises(OtherJobError, match=told):
        issue(commissioned(**changes), pki.oslo_signer, Alone(), path, resume=True)
    assert path.read_bytes() == before


def test_another_issuer_or_line_does_not_go_on(
    tmp_path: Path, commissioned: Any, pki: Any, line: Any
) -> None:
    path = tmp_path / "devices.bundle"
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 11), Alone(), path)
    bergen = commission.Commission(Range("reefer-{:03d}", 20), pki.bergen, line.recipient)
    with pytest.raises(OtherJobError, match="coldchain oslo"):
        issue(bergen, pki.store.signer_for(pki.bergen), Alone(), path, resume=True)
    other = new_identity(tmp_path / "other.key")
    with pytest.raises(OtherJobError, match="recipient age1"):
        issue(commissioned(recipient=other), pki.oslo_signer, Alone(), path, resume=True)


def test_a_batch_size_of_the_bundles_own_goes_on(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    path = tmp_path / "devices.bundle"
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 11), Alone(), path)
    issue(commissioned(batch=3), pki.oslo_signer, Alone(), path, resume=True)
    assert [len(batch.records) for batch in Bundle.batches(path)] == [8, 8, 4]


def test_batches_are_smaller_where_keys_take_long(commissioned: Any) -> None:
    assert [
        commissioned(batch=None, algorithm=ALGORITHMS[name]).size for name in ("ec-p256", "rsa-2048")
    ] == [
        1024,
        64,
    ]


def test_a_clock_set_back_and_certificates_that_ended(
    tmp_path: Path, commissioned: Any, pki: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = tmp_path / "devices.bundle", commission.moment()
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 11), Alone(), path)
    # Not so far back that the issuer would not be valid yet: that is a fault of its own.
    monkeypatch.setattr(commission, "moment", lambda: now - timedelta(minutes=2))
    with pytest.raises(ClockError, match="set the clock right"):
        issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
    monkeypatch.setattr(commission, "moment", lambda: now + timedelta(days=366))
    with pytest.raises(IssueError, match="begin a new one"):
        issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)


def test_a_run_that_goes_on_issues_for_the_same_life(
    tmp_path: Path, commissioned: Any, pki: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = tmp_path / "devices.bundle", commission.moment()
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 11), Alone(), path)
    monkeypatch.setattr(commission, "moment", lambda: now + timedelta(days=5))
    issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
    ends = {record.not_after for batch in Bundle.batches(path) for record in batch.records}
    assert ends == {job_of(path).valid[1]}


@pytest.mark.parametrize("change", ["more", "other", "fewer", "none"])
def test_a_list_that_changes_while_it_is_issued(
    change: str, tmp_path: Path, commissioned: Any, pki: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"r-{n}" for n in range(16)]
    changed = {"more": [*names, "r-99"], "other": [*names[:-1], "r-99"], "fewer": names[:8], "none": []}
    path = tmp_path / "devices.csv"
    path.write_text("\n".join(["registration_id", *names, ""]))
    prove = Press.prove

    def prove_and_change(self: Press, shapes: Iterable[tuple[str, int]]) -> None:
        prove(self, shapes)
        path.write_text("\n".join(["registration_id", *changed[change], ""]))

    monkeypatch.setattr(Press, "prove", prove_and_change)
    with pytest.raises(StoppedError, match="after it was checked"):
        issue(commissioned(CsvList(path)), pki.oslo_signer, Alone(), tmp_path / "a.bundle")
    assert issue_again(path, names, commissioned, pki, tmp_path, monkeypatch) == names


def issue_again(
    path: Path, names: list[str], commissioned: Any, pki: Any, tmp_path: Path, patch: Any
) -> list[str]:
    patch.undo()
    path.write_text("\n".join(["registration_id", *names, ""]))
    issue(commissioned(CsvList(path)), pki.oslo_signer, Alone(), tmp_path / "a.bundle", resume=True)
    return list(issued(tmp_path / "a.bundle"))


class Swapping:
    """A crew that gives other devices than it was asked for."""

    @contextmanager
    def at_work(self, job: Any, signer: Any) -> Iterator[Callable[[Iterable[Task]], Iterator[bytes]]]:
        press = Press(job, signer)
        yield lambda tasks: (press.batch(task._replace(rows=task.rows[::-1])) for task in tasks)


def test_a_crew_that_gives_other_devices(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    with pytest.raises(StoppedError, match="other devices"):
        issue(commissioned(), pki.oslo_signer, Swapping(), tmp_path / "a.bundle")
    assert list(Bundle.batches(tmp_path / "a.bundle", unfinished=True)) == []


@pytest.mark.parametrize("name", FORMATS)
def test_all_is_entered_into_the_books_before_the_bundle_ends(
    name: str, tmp_path: Path, commissioned: Any, pki: Any
) -> None:
    path, told = tmp_path / name, []

    def enter(job: Any, batches: Iterator[Batch]) -> None:
        told.append([job.count, *(record.registration_id for batch in batches for record in batch.records)])
        if len(told) == 1:
            raise StorageError(path, OSError(28, "no room for the books"))

    with pytest.raises(StoppedError, match="20 of 20"):
        issue(commissioned(), pki.oslo_signer, Alone(), path, watch=Watch(enter=enter))
    with pytest.raises(UnfinishedBundleError):
        Bundle.open(path)
    # They may be in the books now; that is no reason to refuse to go on.
    again = commissioned(issued=lambda: iter(["reefer-001"]))
    issue(again, pki.oslo_signer, Alone(), path, True, Watch(enter=enter))
    assert told[0] == told[1] == [20, *issued(path)]


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_every_kind_of_key_in_a_bundle(algorithm: str, tmp_path: Path, commissioned: Any, pki: Any) -> None:
    asked = commissioned(Range("r-{}", 2), algorithm=ALGORITHMS[algorithm])
    issue(asked, pki.oslo_signer, Alone(), tmp_path / "a.bundle")
    assert len(issued(tmp_path / "a.bundle")) == 2


def test_damage_is_found_when_going_on(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    path = tmp_path / "devices.bundle"
    with pytest.raises(StoppedError):
        issue(commissioned(), Failing(pki.oslo_signer, 17), Alone(), path)
    data = bytearray(path.read_bytes())
    data[data.index(b"reefer-003")] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedBundleError):
        issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
    assert path.read_bytes() == data


def test_a_recipient_for_requests_is_refused(commissioned: Any, pki: Any, tmp_path: Path) -> None:
    with pytest.raises(BulkError, match="nothing to seal"):
        issue(commissioned(RequestFolder(tmp_path)), pki.oslo_signer, Alone(), tmp_path / "a.bundle")
