"""One JSON object a line, and nothing of the SDK beside it."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.log import JsonLog, capture_sdk


def _moment() -> datetime:
    return datetime(2026, 11, 22, 9, 30, 0, 250_000, UTC)


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def captured(stream: io.StringIO) -> Iterator[JsonLog]:
    root, hook, unraisable = logging.getLogger(), threading.excepthook, sys.unraisablehook
    handlers, level = root.handlers, root.level
    log = JsonLog(stream, "reefer-1", now=_moment)
    capture_sdk(log)
    yield log
    logging.captureWarnings(False)
    root.handlers, threading.excepthook, sys.unraisablehook = handlers, hook, unraisable
    root.setLevel(level)


def test_a_line_says_when_what_and_who(stream: io.StringIO) -> None:
    JsonLog(stream, "reefer-1", now=_moment).write(
        "assigned", hub="eu-1.azure-devices.net", seconds=1.5, reason=None
    )
    assert stream.getvalue() == (
        '{"time": "2026-11-22T09:30:00.250Z", "level": "info", "event": "assigned", '
        '"registrationId": "reefer-1", "hub": "eu-1.azure-devices.net", "seconds": 1.5}\n'
    )


def test_an_event_below_the_level_is_left_out(stream: io.StringIO) -> None:
    log = JsonLog(stream, "reefer-1", "warning")
    log.write("twin")
    log.write("retrying", "warning")
    assert [line["event"] for line in _lines(stream)] == ["retrying"]


def test_line_breaks_in_a_value_do_not_break_the_line(stream: io.StringIO) -> None:
    JsonLog(stream, "reefer-1").write("refused", reason="one\ntwo")
    assert _lines(stream)[0]["reason"] == "one\ntwo"


def test_what_the_sdk_logs_becomes_an_event_without_its_traceback(
    stream: io.StringIO, captured: JsonLog
) -> None:
    logging.getLogger("azure.iot.device").warning(
        "Traceback (most recent call last):\n  File x\nValueError: broken\n"
    )
    logging.getLogger("paho").info("chatter")
    assert [(line["event"], line["source"], line["message"]) for line in _lines(stream)] == [
        ("sdk", "azure.iot.device", "ValueError: broken")
    ]


def test_what_a_thread_of_the_sdk_throws_becomes_an_event(
    stream: io.StringIO, captured: JsonLog, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("broken")

    thread = threading.Thread(target=fail, name="paho")
    thread.start()
    thread.join()
    assert _lines(stream)[0] | {"time": ""} == {
        "time": "",
        "level": "error",
        "event": "sdk",
        "registrationId": "reefer-1",
        "source": "paho",
        "message": "ValueError: broken",
    }
    assert capsys.readouterr() == ("", "")


class _Unfit:
    """What native code throws where nobody can catch it, as a finalizer does."""

    def __del__(self) -> None:
        raise ValueError("broken")


def test_what_native_code_calls_back_and_fails_becomes_an_event(
    stream: io.StringIO, captured: JsonLog, capsys: pytest.CaptureFixture[str]
) -> None:
    unfit = _Unfit()
    del unfit
    (line,) = _lines(stream)
    assert (line["event"], line["level"], line["message"]) == ("sdk", "error", "ValueError: broken")
    assert capsys.readouterr() == ("", "")


def test_a_warning_of_the_sdk_becomes_an_event(stream: io.StringIO, captured: JsonLog) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old protocol", DeprecationWarning, stacklevel=1)
    assert _lines(stream)[0]["source"] == "py.warnings"
