"""Bundles, as files and as databases: what was written is read, anything else is refused."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs.bulk import bundle as bundles
from certs.bulk import commission, frames, output
from certs.bulk.bundle import Bundle
from certs.bulk.course import Course, Frame
from certs.bulk.crew import Alone
from certs.bulk.errors import (
    BundleError,
    BusyBundleError,
    DamagedBundleError,
    OccupiedError,
    UnfinishedBundleError,
)
from certs.bulk.flat import FlatWriter
from certs.bulk.frames import decode_batch, decode_keys, encode_batch, encode_keys, serial_of
from certs.bulk.job import Job
from certs.bulk.lists import Range
from certs.bulk.run import issue
from certs.errors import CertsError, StorageError

FORMATS = ("devices.bundle", "devices.sqlite")


@pytest.fixture(params=FORMATS)
def made(request: pytest.FixtureRequest, pki: Any, commissioned: Any, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    issue(commissioned(), pki.oslo_signer, Alone(), path)
    return path


def test_what_was_issued_is_read(made: Path, pki: Any) -> None:
    whole = Bundle.open(made)
    assert (whole.records, whole.finished, whole.notes, whole.job.count) == (20, True, 0, 20)
    batches = list(Bundle.batches(made))
    assert [(batch.number, batch.first, len(batch.records)) for batch in batches] == [
        (0, 0, 8),
        (1, 8, 8),
        (2, 16, 4),
    ]
    records = [record for batch in batches for record in batch.records]
    assert [record.registration_id for record in records] == [f"reefer-{n:03d}" for n in range(1, 21)]
    assert len({record.serial for record in records}) == 20
    for record in records:
        record.parsed.verify_directly_issued_by(pki.oslo)
        assert record.issuer == pki.oslo.subject.rfc4514_string()
        assert record.not_after == whole.job.valid[1]
        assert int.from_bytes(serial_of(record.certificate), "big") == record.serial


def test_files_are_private_and_alone(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_both_formats_chain_alike(pki: Any, commissioned: Any, tmp_path: Path) -> None:
    """The chain of a database is that of the frames which a file would have."""
    issue(commissioned(), pki.oslo_signer, Alone(), tmp_path / "a.sqlite")
    course, batches = Course(), list(Bundle.batches(tmp_path / "a.sqlite"))
    job = bundles.job_of(tmp_path / "a.sqlite")
    course.accept(course.next_start(job))
    for batch in batches:
        pairs = [(record.registration_id, record.certificate) for record in batch.records]
        course.accept(course.next_batch(encode_batch(batch.number, batch.first, pairs, batch.sealed)))
    course.accept(course.next_end())
    assert course.head == Bundle.open(tmp_path / "a.sqlite").head


def test_nothing_private_stands_in_a_bundle(made: Path, line: Any) -> None:
    data = made.read_bytes()
    for batch in Bundle.batches(made):
        _, keys = decode_keys(line.opener.open(batch.sealed, "here"))
        found = list(keys)
        assert len(found) == len(batch.records)
        for key in found:
            assert key not in data
            assert key[36:68] not in data  # the number itself


@pytest.mark.parametrize("name", FORMATS)
def test_an_output_that_exists_is_left_alone(name: str, tmp_path: Path, commissioned: Any, pki: Any) -> None:
    path = tmp_path / name
    for there in (b"", b"mine"):
        path.write_bytes(there)
        with pytest.raises(OccupiedError, match="never overwritten"):
            issue(commissioned(), pki.oslo_signer, Alone(), path)
        with pytest.raises(OccupiedError):
            output.create(path, _job(pki))
        with pytest.raises(BundleError, match="no bundle"):
            issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
        assert path.read_bytes() == there


def _job(pki: Any) -> Job:
    asked = commission.Commission(Range("r-{}", 20), pki.oslo)
    return replace(commission.asked(asked, commission.moment()), count=20, listed="00" * 32)


def test_somebody_elses_database(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    path = tmp_path / "mine.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE frames (a)")
    connection.close()
    with pytest.raises(BundleError, match="another program"):
        Bundle.open(path)
    with pytest.raises(BundleError, match="another program"):
        issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)


def test_files_that_are_no_bundles(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        Bundle.open(tmp_path / "none")
    with pytest.raises(StorageError):
        Bundle.open(tmp_path)
    (tmp_path / "magic").write_bytes(frames.MAGIC)
    with pytest.raises(BundleError):
        Bundle.open(tmp_path / "magic")


def test_one_run_at_a_time(pki: Any, commissioned: Any, tmp_path: Path) -> None:
    for name in FORMATS:
        path = tmp_path / name
        writer = output.create(path, _job(pki))
        with pytest.raises(BusyBundleError):
            output.resume(path, lambda _: None)
        writer.close()
        output.resume(path, lambda _: None).close()


def test_every_changed_byte_of_a_file_is_found(bundle: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    head = Bundle.open(bundle).head
    copy = tmp_path / "copy"
    step = max(1, len(data) // 400)
    for at in [*range(0, len(data), step), *range(len(data) - 140, len(data))]:
        changed = bytearray(data)
        changed[at] ^= 0x5A
        copy.write_bytes(changed)
        with pytest.raises(BundleError):
            Bundle.open(copy)
    assert Bundle.open(bundle).head == head


def test_a_file_that_was_cut_is_unfinished_and_one_with_more_is_damaged(bundle: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    copy = tmp_path / "copy"
    for length in range(40, len(data), 97):
        copy.write_bytes(data[:length])
        with pytest.raises((UnfinishedBundleError, DamagedBundleError)):
            Bundle.open(copy)
    for more in (b"\0", data):
        copy.write_bytes(data + more)
        with pytest.raises(DamagedBundleError):
            Bundle.open(copy)


def test_a_finished_bundle_with_a_damaged_middle_is_never_cut(
    bundle: Path, tmp_path: Path, commissioned: Any, pki: Any
) -> None:
    """Its devices have left: to cut and issue anew would give them other certificates."""
    data = bytearray(bundle.read_bytes())
    first = data.index(b"reefer-009")
    data[first + 100] ^= 1
    length_at = data.index(frames.BATCH + b"\0\0", data.index(b"reefer-008"))
    longer = bytearray(bundle.read_bytes())
    longer[length_at + 1 : length_at + 5] = (1 << 20).to_bytes(4, "big")
    for damaged in (data, longer):
        copy = tmp_path / "copy"
        copy.write_bytes(damaged)
        with pytest.raises(DamagedBundleError, match="restore it from a copy"):
            issue(commissioned(), pki.oslo_signer, Alone(), copy, resume=True)
        assert copy.read_bytes() == damaged


CHANGES = (
    "UPDATE devices SET certificate = x'00' WHERE position = 3",
    "UPDATE devices SET registration_id = 'other' WHERE position = 3",
    "DELETE FROM devices WHERE position = 19",
    "INSERT INTO devices VALUES (20, 'more', 'aa', x'00')",
    "DELETE FROM frames WHERE kind = x'42'",
    "UPDATE frames SET body = x'00' WHERE position = 2",
    "UPDATE frames SET body = 'text' WHERE position = 2",
    "UPDATE frames SET first = 'text' WHERE position = 2",
    "UPDATE frames SET hash = x'00' WHERE position = 4",
    "UPDATE frames SET kind = x'5a' WHERE position = 1",
    "DROP TABLE devices",
)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_database_is_found(
    change: str, tmp_path: Path, commissioned: Any, pki: Any
) -> None:
    path = tmp_path / "devices.sqlite"
    issue(commissioned(), pki.oslo_signer, Alone(), path)
    connection = sqlite3.connect(path)
    connection.execute(change)
    connection.commit()
    connection.close()
    with pytest.raises(BundleError):
        Bundle.open(path)
    with pytest.raises(CertsError):
        issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)


def test_a_database_whose_end_was_removed_is_unfinished(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    path = tmp_path / "devices.sqlite"
    issue(commissioned(), pki.oslo_signer, Alone(), path)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM frames WHERE kind = x'45'")
    connection.commit()
    connection.close()
    with pytest.raises(UnfinishedBundleError, match="20 of 20"):
        Bundle.open(path)


SAFE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.binary(max_size=300))
@SAFE
def test_any_bytes_are_no_batch_or_one(data: bytes) -> None:
    for decode in (decode_batch, decode_keys, Job.from_json, serial_of):
        try:
            decode(data)
        except ValueError:
            continue


@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 10**6),
)
@SAFE
def test_damaged_frames_give_only_our_errors(
    bundle: Path, tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(bundle.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path = tmp_path / "changed"
    path.write_bytes(data[: len(data) - cut % 3000])
    try:
        Bundle.open(path, unfinished=True)
    except BundleError:
        return


@given(bodies=st.lists(st.tuples(st.sampled_from(frames.KINDS), st.binary(max_size=80)), max_size=5))
@SAFE
def test_chained_nonsense_is_refused(tmp_path: Path, bodies: list[tuple[bytes, bytes]]) -> None:
    """Whoever writes a bundle can chain anything: what stands in the frames is judged as well."""
    head, parts = frames.genesis(), [frames.MAGIC]
    for kind, body in bodies:
        whole, head = frames.frame(head, kind, body)
        parts.append(whole)
    path = tmp_path / "nonsense"
    path.write_bytes(b"".join(parts))
    with pytest.raises(BundleError):
        Bundle.open(path, unfinished=True)


def test_batches_have_to_follow_each_other(bundle: Path) -> None:
    course = Course()
    course.accept(course.next_start(bundles.job_of(bundle)))
    for body in (encode_batch(1, 0, [], b""), encode_batch(0, 5, [], b"")):
        with pytest.raises(ValueError, match="stands where"):
            course.accept(course.next_batch(body))
    with pytest.raises(ValueError, match="counts other"):
        course.accept(course.next_end())
    with pytest.raises(ValueError, match="says that twice"):
        course.accept(course.next_start(bundles.job_of(bundle)))


def test_a_frame_of_another_chain_does_not_fit() -> None:
    course = Course()
    good = course.next_note({})
    assert course.fits(good)
    assert not course.fits(Frame(good.kind, good.body + b" ", good.hash))
    assert not course.fits(Frame(b"Z", b"", frames.chained(course.head, b"Z", b"")))


@pytest.mark.parametrize("body", [b"[" * 10**6, b"{" * 9, b"[]", b"1", b'{"a": ' * 3000])
def test_json_that_is_no_object(bundle: Path, tmp_path: Path, body: bytes) -> None:
    start = bundles.job_of(bundle).to_json()
    first, head = frames.frame(frames.genesis(), frames.START, start)
    path = tmp_path / "deep"
    path.write_bytes(frames.MAGIC + first + frames.frame(head, frames.NOTE, body)[0])
    with pytest.raises(DamagedBundleError):
        Bundle.open(path, unfinished=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("made", "0001-01-01T00:00:00+23:00"),
        ("made", "2026-01-01T00:00:00"),
        ("batch", 0),
        ("batch", True),
        ("issuer", "AAAA"),
        ("issuer", "!"),
        ("profile", "root"),
        ("algorithm", "rsa-1024"),
        ("list", []),
        ("revocationLists", {"url": "", "count": -1}),
        ("version", 2),
    ],
)
def test_a_start_that_is_none(bundle: Path, key: str, value: object) -> None:
    whole = json.loads(bundles.job_of(bundle).to_json())
    assert Job.from_json(json.dumps(whole).encode()) == bundles.job_of(bundle)
    with pytest.raises(ValueError, match=r"."):
        Job.from_json(json.dumps(whole | {key: value}).encode())


def test_a_name_with_brackets(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    """What a killed run left is found, whatever the bundle is called."""
    path = tmp_path / "oslo[1].bundle"
    left = tmp_path / f".{path.name}.partial-abc"
    left.write_bytes(b"")
    issue(commissioned(), pki.oslo_signer, Alone(), path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", FORMATS)
def test_a_second_name_that_a_killed_run_left_goes_when_the_next_goes_on(
    name: str, tmp_path: Path, pki: Any
) -> None:
    """Killed between the link to the bundle's name and the end of the first one: the same file, same lock."""
    path = tmp_path / name
    output.create(path, _job(pki)).close()
    path.with_name(f".{name}.partial-abc").hardlink_to(path)
    output.resume(path, lambda _: None).close()
    assert [each.name for each in tmp_path.iterdir() if "partial" in each.name] == []


def test_keys_round_trip() -> None:
    number, keys = decode_keys(encode_keys(7, [b"a", b"", b"ccc"]))
    assert (number, list(keys)) == (7, [b"a", b"", b"ccc"])


def test_a_full_disk_leaves_the_last_whole_batch(bundle: Path, tmp_path: Path, pki: Any) -> None:
    """A write that fails half-way is cut off again."""
    path = tmp_path / "small.bundle"
    writer = FlatWriter.create(path, _job(pki))
    size = path.stat().st_size
    inner = writer._file

    class Full(io.RawIOBase):
        def write(self, data: Any) -> int:
            inner.write(bytes(data[:10]))
            raise OSError(28, os.strerror(28))

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def fileno(self) -> int:
            return inner.fileno()

        def truncate(self, at: int | None = None) -> int:
            return inner.truncate(at)

        def seek(self, at: int, whence: int = 0) -> int:
            return inner.seek(at, whence)

    writer._file = Full()  # type: ignore[assignment]
    with pytest.raises(StorageError, match="No space left"):
        writer.note({"a": 1})
    assert path.stat().st_size == size
    writer._file = inner
    writer.note({"a": 2})
    writer.close()
    assert Bundle.open(path, unfinished=True).notes == 1
