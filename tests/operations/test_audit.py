"""The record: on disk, one writer at a time, torn tails cut, damage told, a clock set back refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.actions.holds import Holds
from operations.audit import AuditLog, Entry, Subject
from operations.errors import AuditBusyError, AuditError

SUBJECT = Subject(
    action="disable", operation="0a", service="s", device="reefer-1", who="ada", reason="lost\u2028 ä"
)


def write(log: AuditLog, *events: str) -> None:
    with log.open() as writer:
        for event in events:
            writer.append(SUBJECT, event, etag="e1", step="enrollment")


def test_what_is_written_is_read_and_is_the_owners_alone(log: AuditLog) -> None:
    assert log.entries() == ()
    write(log, "began", "before")
    write(log, "after")
    entries = log.entries()
    assert [entry.event for entry in entries] == ["began", "before", "after"]
    assert (entries[0].who, entries[0].reason, entries[0].facts["etag"]) == ("ada", SUBJECT.reason, "e1")
    assert datetime.now(UTC) - datetime.fromisoformat(entries[0].at) < timedelta(minutes=1)
    assert (log.path.stat().st_mode & 0o777, log.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_torn_tail_is_not_read_and_is_cut_by_the_next_writer(log: AuditLog) -> None:
    write(log, "began")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole[:40])
    assert len(log.entries()) == 1
    write(log, "after")
    assert [entry.event for entry in log.entries()] == ["began", "after"]


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", "{}", '{"at": 1}', '{"at":"x","action":"","event":"","operation":""}', "[" * 3000],
)
def test_damage_is_told_with_its_line(log: AuditLog, line: str) -> None:
    write(log, "began")
    with log.path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(AuditError, match=r"operations\.jsonl:2: no line of a record"):
        log.entries()
    with pytest.raises(AuditError, match=":2: "), log.open():
        pass


@given(
    st.dictionaries(
        st.sampled_from(
            ["at", "action", "event", "operation", "service", "device", "who", "reason", "facts", "more"]
        ),
        st.one_of(st.text(), st.none(), st.integers(), st.dictionaries(st.text(), st.text())),
    )
)
def test_any_line_is_an_entry_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, line: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("record") / "operations.jsonl"
    path.write_text(f"{json.dumps(line)}\n")
    found = outcome(AuditLog(path))
    assert isinstance(found, Entry) or ":1: " in found


def outcome(log: AuditLog) -> Entry | str:
    try:
        return log.entries()[0]
    except AuditError as error:
        return str(error)


def test_one_writer_at_a_time(log: AuditLog) -> None:
    with log.open() as writer:
        writer.append(SUBJECT, "began")
        with pytest.raises(AuditBusyError, match="another command"), log.open():
            pass
        assert len(log.entries()) == 1, "reading waits for nobody"


def test_a_clock_set_back_is_refused(log: AuditLog) -> None:
    write(log, "began")
    early = AuditLog(log.path, lambda: datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(AuditError, match="set the clock right"), early.open():
        pass


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match="file"), AuditLog(tmp_path / "file" / "record.jsonl").open():
        pass
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(AuditError, match="directory"):
        AuditLog(tmp_path / "folder.jsonl").entries()


_EVENTS = st.sampled_from(["began", "before", "after", "ended", "unheard of"])
_ACTIONS = st.sampled_from(["disable", "enable", "key", "crl"])


@given(st.lists(st.tuples(_ACTIONS, _EVENTS, st.sampled_from(["enrollment", "identity", None]))))
def test_a_hold_lasts_from_the_first_line_to_the_end_of_its_undoing(
    lines: list[tuple[str, str, str | None]],
) -> None:
    holds = Holds()
    held = False
    for action, event, step in lines:
        entry = Entry(
            at="2026-11-22T12:00:00Z",
            action=action,
            event=event,
            operation="0a",
            service="S",
            device="Reefer-1",
            who="ada",
            reason="r",
            facts={"step": step, "hub": "h"},
        )
        holds.take(entry)
        held = (held or (action, event) == ("disable", "began")) and (action, event) != ("enable", "ended")
        assert (holds.get("s", "reefer-1") is not None) is held
