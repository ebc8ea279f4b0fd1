"""Bulk operations: at most ten enrollments a call, each done or refused for itself.

BulkEnrollmentOperation and BulkEnrollmentGroupOperation, service.json 2021-10-01: modes create, update,
updateIfMatchETag and delete; the result tells `isSuccessful` for the whole, and an error for each item that
was refused. What a mode does with an id that is there already, or not yet, is not published beyond its
name: create wants a new one, the others a known one.
"""

from typing import Any

from localcloud.azure.dps.enrollment_store import Enrollments
from localcloud.azure.dps.enrollments import Surroundings
from localcloud.azure.dps.errors import ENROLLMENT_NOT_FOUND, DpsError
from localcloud.azure.dps.kinds import Document, Kind
from localcloud.azure.shapes import Choice, Fault, ListOf, Member, Scalar, Shape

MOST_ITEMS = 10
MODES = ("create", "update", "updateIfMatchETag", "delete")


def run(enrollments: Enrollments, kind: Kind, dps: str, body: object, around: Surroundings) -> Document:
    """The result for the body. DpsError 400 when it is no bulk operation at all."""
    mode, items = _read(kind, body)
    with enrollments.together():
        errors = [
            {kind.member: item[kind.member], "errorCode": refused.error_code, "errorStatus": refused.message}
            for item in items
            if (refused := _do(enrollments, kind, dps, mode, item, around)) is not None
        ]
    return {"isSuccessful": not errors, "errors": errors}


def _do(
    enrollments: Enrollments, kind: Kind, dps: str, mode: str, item: Document, around: Surroundings
) -> DpsError | None:
    identifier = item[kind.member]
    try:
        _check_presence(enrollments, kind, dps, mode, identifier)
        if mode == "delete":
            enrollments.delete(kind, dps, identifier, item.get("etag") or None)
        else:
            enrollments.put(kind, dps, identifier, item, _if_match(mode, item), around)
    except DpsError as refused:
        return refused
    return None


def _check_presence(enrollments: Enrollments, kind: Kind, dps: str, mode: str, identifier: str) -> None:
    known = enrollments.knows(kind, dps, identifier)
    noun = kind.noun[0].upper() + kind.noun[1:]
    if mode == "create" and known:
        raise DpsError(409, 409000, f"{noun} {identifier} exists already.")
    if mode != "create" and not known:
        raise DpsError(404, ENROLLMENT_NOT_FOUND, f"{noun} {identifier} not found.")


def _if_match(mode: str, item: Document) -> str | None:
    if mode != "updateIfMatchETag":
        return None
    if not item.get("etag"):
        raise DpsError(400, 400000, "etag is required by the mode updateIfMatchETag")
    return str(item["etag"])


def _read(kind: Kind, body: object) -> tuple[str, list[Document]]:
    faults: list[Fault] = []
    cleaned: Any = _shape(kind).check(body, "", faults)
    items = cleaned.get(kind.table) if isinstance(cleaned, dict) else None
    if isinstance(items, list):
        faults.extend(_item_faults(kind, items))
    if faults or not isinstance(items, list):
        raise DpsError(400, 400000, "; ".join(str(it) for it in faults))
    return str(cleaned["mode"]), items


def _shape(kind: Kind) -> Shape:
    members = {
        kind.table: Member(ListOf(Scalar("any")), required=True),
        "mode": Member(Choice(MODES), required=True),
    }
    return Shape("BulkEnrollmentOperation", members)


def _item_faults(kind: Kind, items: list[Any]) -> list[Fault]:
    if not 1 <= len(items) <= MOST_ITEMS:
        return [Fault(kind.table, f"must have 1 to {MOST_ITEMS} items, not {len(items)}")]
    return [
        Fault(f"{kind.table}[{n}].{kind.member}", "is required, as text")
        for n, item in enumerate(items)
        if not (isinstance(item, dict) and isinstance(item.get(kind.member), str) and item[kind.member])
    ]
