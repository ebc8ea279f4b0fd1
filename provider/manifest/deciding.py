"""What to do with one row, given what the service holds. No IO; everything else only carries this out.

1. A row that the service holds as it should be is never sent.
2. What another made is never touched: only enrollments with this manifest's mark are changed or removed.
3. An enrollment that was disabled after we had enabled it (a revocation) is not enabled again by the way.
4. After a call whose answer was lost, the service is asked before anything is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

from provider.manifest.entries import MARK
from provider.manifest.settings import Document


class Step(Enum):
    """The next call for a row; the value is the mode of the bulk operation (service.json, OperationMode)."""

    LOOK = "look"
    CREATE = "create"
    UPDATE = "updateIfMatchETag"
    DELETE = "delete"


class Kind(Enum):
    """How a row ended, for now."""

    HELD = "held"  # the service has it, as the file says
    GONE = "gone"  # the service does not have it, as the file says
    REFUSED = "refused"  # it is not as the file says, and sending it again would not help
    UNSENT = "unsent"  # it is as it was: nothing was sent
    DOUBT = "doubt"  # it was sent, and no answer came


@dataclass(frozen=True, slots=True)
class Live:
    """An enrollment that is in the service. `digest` is that of the row which it was made from."""

    etag: str
    ours: bool
    digest: str = ""
    revoked: bool = False
    attestation: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A row on its way. `document` is None when its enrollment should go; `line` is 0 then. `seen` is what
    this run has seen of it already: the first look is spared.
    """

    key: str
    step: Step
    line: int = 0
    digest: str = ""
    document: Document | None = None
    size: int = 0
    etag: str = ""
    attestation: str = ""
    seen: Live | None = None

    @property
    def body(self) -> Document:
        """What a bulk operation is given for it."""
        if self.document is None:
            attestation = {"type": self.attestation}  # required by the model; which one does not matter here
            return {"registrationId": self.key, "attestation": attestation, "etag": self.etag}
        return {**self.document, "etag": self.etag} if self.step is Step.UPDATE else self.document


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a row ended."""

    key: str
    kind: Kind
    digest: str = ""
    line: int = 0
    reason: str = ""


Decision: TypeAlias = Item | Outcome


def live(document: Document, manifest: str) -> Live:
    """What matters of an enrollment's document."""
    information = document.get("optionalDeviceInformation")
    mark: Any = information.get(MARK) if isinstance(information, dict) else None
    mark = mark if isinstance(mark, dict) else {}
    disabled = document.get("provisioningStatus") == "disabled"
    return Live(
        etag=str(document.get("etag") or ""),
        ours=str(mark.get("manifest", "")).lower() == manifest.lower(),
        digest=str(mark.get("row") or ""),
        revoked=disabled and mark.get("enabled") is True,
        attestation=str((document.get("attestation") or {}).get("type") or "none"),
    )


def decide(item: Item, found: Live | None) -> Decision:
    """The next step for a row, or its end, now that the service was asked."""
    if item.document is None:
        return _decide_removal(item, found)
    if found is None:
        return replace(item, step=Step.CREATE)
    if not found.ours:
        return refused(
            item, f"{item.key} exists in the service and is not of this manifest; it was left alone"
        )
    if found.digest == item.digest:
        return Outcome(item.key, Kind.HELD, item.digest)
    if found.revoked and item.document["provisioningStatus"] == "enabled":
        return refused(
            item,
            f"{item.key} was disabled in the service after this manifest had enabled it (a revocation?), and "
            "a change would enable it again; enabled = false in the file, or enabling it in the service, "
            "would be right",
        )
    return replace(item, step=Step.UPDATE, etag=found.etag, attestation=found.attestation, seen=None)


def refused(item: Item, reason: str) -> Outcome:
    """The row's end, with the reason for the person."""
    return Outcome(item.key, Kind.REFUSED, line=item.line, reason=reason)


def after_error(item: Item, status: int, text: str) -> Decision:
    """What an error answer for one row means. The item's step is the one that failed.

    Asked again is what may have changed under us or may have been done all the same (409, 412, 5xx).
    """
    if status == 404:
        gone = item.document is None
        return Outcome(item.key, Kind.GONE) if gone else replace(item, step=Step.LOOK)
    if status in (409, 412) or status >= 500 or status in (0, 408):
        return replace(item, step=Step.LOOK)
    if status == 429:
        return item
    return refused(item, f"{item.key}: the service refuses it: {text}")


def _decide_removal(item: Item, found: Live | None) -> Decision:
    if found is None or not found.ours:
        return Outcome(item.key, Kind.GONE)
    return replace(item, step=Step.DELETE, etag=found.etag, attestation=found.attestation, seen=None)
