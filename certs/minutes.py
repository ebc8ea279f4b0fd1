"""The written record of what was done with an authority's keys: who, when, with which key, what came of it.

Twice the same: JSON for programs; plain text to print, sign by hand and keep with the key's backup. Public.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from certs import durable
from certs.errors import InvalidNameError
from certs.record import Entry, describe

DIRECTORY = "records"
_OPERATOR_MAX = 200


@dataclass(frozen=True)
class Minutes:
    """One event: `signed_by` is the authority whose key was used, `made` what it made."""

    event: str
    fleet: str
    operator: str
    at: datetime
    signed_by: Entry
    made: Sequence[Entry]

    def __post_init__(self) -> None:
        if not self.operator.strip() or not self.operator.isprintable() or len(self.operator) > _OPERATOR_MAX:
            raise InvalidNameError(
                f"operator {self.operator!r}: say who does this, in one line of at most {_OPERATOR_MAX}"
            )

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "event": self.event,
            "fleet": self.fleet,
            "operator": self.operator,
            "at": self.at.isoformat(timespec="seconds"),
            "signedBy": {"name": self.signed_by.name} | describe(self.signed_by.certificate),
            "made": [
                {"name": each.name, "kind": each.kind} | describe(each.certificate) for each in self.made
            ],
        }

    def text(self) -> str:
        """For paper."""
        lines = [
            f"{self.event}: fleet {self.fleet}",
            f"at       {self.at:%Y-%m-%d %H:%M:%S} UTC",
            f"by       {self.operator}",
            f"with     the key of {self.signed_by.name}",
            *_lines(self.signed_by),
            "",
            "made:",
        ]
        for each in self.made:
            lines += ["", f"  {each.name} ({each.kind})", *_lines(each)]
        return "\n".join([*lines, "", "signature of the operator:", "", "signature of a witness:", ""])

    def keep(self, directory: Path) -> Path:
        """Write both under DIRECTORY/records, never over others; the text's path. Raises StorageError."""
        folder = directory / DIRECTORY
        durable.make_directory(folder, durable.PUBLIC_DIRECTORY)
        name = f"{self.at:%Y%m%dT%H%M%S.%fZ}-{self.event}"
        document = json.dumps(self.document(), indent=2) + "\n"
        durable.new_file(folder / f"{name}.json", document.encode(), durable.PUBLIC_FILE, "a written record")
        durable.new_file(
            folder / f"{name}.txt", self.text().encode(), durable.PUBLIC_FILE, "a written record"
        )
        return folder / f"{name}.txt"


def _lines(entry: Entry) -> list[str]:
    facts = describe(entry.certificate)
    return [
        f"    subject  {facts['subject']}",
        f"    serial   {facts['serial']}",
        f"    valid    {facts['notBefore']} to {facts['notAfter']}",
        f"    sha256   {grouped(facts['sha256'])}",
        f"    key id   {grouped(facts['keyId'])}",
    ]


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four, to be read aloud and compared."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def ungrouped(text: str) -> str:
    """A fingerprint as somebody typed it: spaces, colons and case do not count."""
    return "".join(text.replace(":", " ").split()).lower()
