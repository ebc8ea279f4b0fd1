"""The order that frames come in, whatever holds them: a state machine without IO.

One start, then batches numbered from 0 whose records follow each other, with notes between them, then one end
that counts them, then nothing. Every frame is chained to the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from certs.bulk.frames import (
    BATCH,
    END,
    KINDS,
    NOTE,
    START,
    Batch,
    chained,
    decode_batch,
    frame,
    genesis,
    json_object,
)
from certs.bulk.job import Job

_END_BYTES = 96
"""The end's text is padded to this, so that a finished bundle is known by its last bytes."""


class Frame(NamedTuple):
    """A frame as it was found; its hash is yet to be judged."""

    kind: bytes
    body: bytes
    hash: bytes


class Course:
    """How far a bundle goes. `accept` frames in order; `next_*` make the next one."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.batches = 0
        self.records = 0
        self.notes: list[Mapping[str, Any]] = []
        self.ended = False
        self.head = genesis()
        self._accept = {START: self._start, NOTE: self._note, END: self._end}

    def fits(self, found: Frame) -> bool:
        """Whether the frame's bytes are what was chained here."""
        return found.kind in KINDS and chained(self.head, found.kind, found.body) == found.hash

    def accept(self, found: Frame, decoded: Batch | None = None) -> Batch | None:
        """Go on by a frame that `fits`; a batch comes back. Raises ValueError when it cannot stand here.

        `decoded` is the batch in it, where that is known already.
        """
        if self.ended:
            raise ValueError("goes on after its end")
        if (found.kind == START) is not (self.job is None):
            raise ValueError("does not begin with what it is for, or says that twice")
        batch = self._batch(found, decoded) if found.kind == BATCH else self._accept[found.kind](found)
        self.head = found.hash
        return batch

    def next_start(self, job: Job) -> Frame:
        """The first frame."""
        return self._next(START, job.to_json())

    def next_note(self, note: Mapping[str, Any]) -> Frame:
        """A note."""
        return self._next(NOTE, json.dumps(dict(note)).encode())

    def next_batch(self, body: bytes) -> Frame:
        """A batch from its body."""
        return self._next(BATCH, body)

    def next_end(self) -> Frame:
        """The last frame."""
        text = json.dumps({"batches": self.batches, "records": self.records})
        return self._next(END, text.ljust(_END_BYTES).encode())

    def _next(self, kind: bytes, body: bytes) -> Frame:
        return Frame(kind, body, frame(self.head, kind, body)[1])

    def _start(self, found: Frame) -> None:
        self.job = Job.from_json(found.body)

    def _batch(self, found: Frame, decoded: Batch | None) -> Batch:
        batch = decoded or decode_batch(found.body, found.hash)
        if (batch.number, batch.first) != (self.batches, self.records):
            raise ValueError(f"batch {batch.number} stands where batch {self.batches} should")
        self.batches += 1
        self.records += len(batch.records)
        return batch

    def _note(self, found: Frame) -> None:
        self.notes.append(json_object(found.body))

    def _end(self, found: Frame) -> None:
        whole = self.job is not None and self.records == self.job.count
        if not whole or json_object(found.body) != {"batches": self.batches, "records": self.records}:
            raise ValueError("its end counts other batches or records than there are")
        self.ended = True


def ends_like_a_whole_one(tail: bytes) -> bool:
    """Whether the last bytes of a file are those of an end, even if what is before them is not whole."""
    return tail[-(_END_BYTES + 37) :].startswith(END + _END_BYTES.to_bytes(4, "big") + b'{"batches"')


END_TAIL = _END_BYTES + 37
"""Bytes of an end's frame: kind and length (5), body, hash (32)."""
