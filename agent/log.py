"""Structured log: one JSON object a line on stdout, for a person with `jq` and for `muster up` alike.

Every line has `time` (ISO 8601, UTC), `level`, `event` and `registrationId`. What the SDK logs or throws in
its background threads arrives here too, as event `sdk`, so that stderr stays free for a mistake on the
command line.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
"""Names of levels, least important first, with the numbers that `logging` gives them."""


def _now() -> datetime:
    return datetime.now(UTC)


class JsonLog:
    """Writes events at or above `level` to `stream`; safe to call from several threads."""

    def __init__(
        self, stream: TextIO, registration_id: str, level: str = "info", now: Callable[[], datetime] = _now
    ) -> None:
        self._stream = stream
        self._registration_id = registration_id
        self._lowest = LEVELS[level]
        self._now = now
        self._lock = threading.Lock()

    def write(self, event: str, level: str = "info", **fields: object) -> None:
        """Write one event; fields of None are left out."""
        if LEVELS[level] < self._lowest:
            return
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "time": time,
            "level": level,
            "event": event,
            "registrationId": self._registration_id,
        }
        line |= {key: value for key, value in fields.items() if value is not None}
        with self._lock:
            self._stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            self._stream.flush()


class SdkHandler(logging.Handler):
    """Turns the SDK's log records into `sdk` events. Of a traceback only its last line is kept."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._log.write("sdk", level, source=record.name, message=_last_line(record.getMessage()))


def capture_sdk(log: JsonLog) -> None:
    """Send everything the SDK says, warns or throws in a thread of its own to `log`."""
    root = logging.getLogger()
    root.handlers = [SdkHandler(log)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)

    def thread_failed(failure: threading.ExceptHookArgs) -> None:
        thread = failure.thread.name if failure.thread else None
        log.write("sdk", "error", source=thread, message=f"{failure.exc_type.__name__}: {failure.exc_value}")

    def callback_failed(failure: "sys.UnraisableHookArgs") -> None:
        name = failure.exc_type.__name__
        source = threading.current_thread().name
        log.write("sdk", "error", source=source, message=f"{name}: {failure.exc_value}")

    threading.excepthook = thread_failed
    sys.unraisablehook = callback_failed  # where native code calls back, as awscrt does


def _last_line(message: str) -> str:
    lines = message.strip().splitlines()
    return lines[-1].strip() if lines else ""
