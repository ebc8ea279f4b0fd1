"""Findings of audits, and which of them are suppressed.

Operations of botocore's iot 2015-05-28. docs.aws.amazon.com/iot/latest/developerguide/
audit-finding-suppressions.html: a suppression is of one check and one resource, until a day or for ever.
"""

import json
from datetime import datetime

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.audit_checks import CHECKS
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.place import Place
from localcloud.store import Document

_FINDINGS = "aws-audit-finding"
_SUPPRESSIONS = "aws-audit-suppression"
_SHOWN = ("checkName", "resourceIdentifier", "expirationDate", "suppressIndefinitely", "description")


class Findings:
    """Findings by id; suppressions by check and resource."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "ListAuditFindings": self._list,
                "DescribeAuditFinding": lambda it: {"finding": self.require(it["findingId"])},
                "ListRelatedResourcesForAuditFinding": self._related,
                "CreateAuditSuppression": self._create_suppression,
                "UpdateAuditSuppression": self._update_suppression,
                "DescribeAuditSuppression": self._describe_suppression,
                "ListAuditSuppressions": self._list_suppressions,
                "DeleteAuditSuppression": self._delete_suppression,
            }
        )

    def keep(self, finding: Document) -> Document:
        """A new finding, which is told whether it is suppressed."""
        resource = finding["nonCompliantResource"]["resourceIdentifier"]
        kept = {**finding, "isSuppressed": self._is_suppressed(finding["checkName"], resource)}
        self._place.store.put(_FINDINGS, kept["findingId"], kept)
        return kept

    def require(self, finding_id: str) -> Document:
        """A finding that is there. Raises ApiError."""
        found = self._place.store.get(_FINDINGS, finding_id)
        if found is None:
            raise not_found("Audit finding", finding_id)
        return found

    def of_task(self, task_id: str) -> list[Document]:
        """All of an audit's that are not suppressed."""
        found = [it for _, it in self._place.store.list(_FINDINGS)]
        return [it for it in found if it["taskId"] == task_id and not it["isSuppressed"]]

    def _list(self, params: Params) -> Params:
        if ("taskId" in params) == ("startTime" in params or "endTime" in params):
            raise invalid("Findings are listed by taskId, or by startTime and endTime, not both.")
        if ("startTime" in params) != ("endTime" in params):
            raise invalid("startTime and endTime go together.")
        found = [it for _, it in self._place.store.list(_FINDINGS) if _fits(it, params)]
        return page("findings", found, lambda it: str(it["findingId"]), params)

    def _related(self, params: Params) -> Params:
        return {"relatedResources": self.require(params["findingId"])["relatedResources"]}

    def _is_suppressed(self, check: str, resource: Params) -> bool:
        """A suppression may name fewer members of the resource than the finding does."""
        for _, known in self._place.store.list(_SUPPRESSIONS, f"{check}|"):
            until = known.get("expirationDate")
            wanted = known["resourceIdentifier"]
            if (until is None or until > self._place.now()) and wanted.items() <= resource.items():
                return True
        return False

    def _create_suppression(self, params: Params) -> Params:
        if params["checkName"] not in CHECKS:
            raise invalid(f"{params['checkName']} is no audit check.")
        key = _key(params)
        if self._place.store.get(_SUPPRESSIONS, key) is not None:
            raise ApiError("ResourceAlreadyExistsException", "There is such a suppression already.")
        self._place.store.put(_SUPPRESSIONS, key, self._checked(subset(params, _SHOWN)))
        return {}

    def _update_suppression(self, params: Params) -> Params:
        known = self._known(params)
        given = subset(params, _SHOWN)
        if "expirationDate" in given or "suppressIndefinitely" in given:
            known = {key: it for key, it in known.items() if key not in _SHOWN[2:4]}
        self._place.store.put(_SUPPRESSIONS, _key(params), self._checked({**known, **given}))
        return {}

    def _describe_suppression(self, params: Params) -> Params:
        return self._known(params)

    def _list_suppressions(self, params: Params) -> Params:
        wanted = params.get("resourceIdentifier")
        found = [
            it
            for _, it in self._place.store.list(_SUPPRESSIONS)
            if params.get("checkName") in (None, it["checkName"])
            and wanted in (None, it["resourceIdentifier"])
        ]
        return page("suppressions", found, _key, params)

    def _delete_suppression(self, params: Params) -> Params:
        self._place.store.delete(_SUPPRESSIONS, _key(params))
        return {}

    def _known(self, params: Params) -> Document:
        found = self._place.store.get(_SUPPRESSIONS, _key(params))
        if found is None:
            raise not_found("Audit suppression of", params["checkName"])
        return found

    def _checked(self, known: Document) -> Document:
        """Until a day that is to come, or for ever, and not both. Raises ApiError."""
        if bool(known.get("suppressIndefinitely")) == ("expirationDate" in known):
            raise invalid("A suppression has an expirationDate, or suppressIndefinitely is true.")
        until = known.get("expirationDate")
        if isinstance(until, datetime):
            known = {**known, "expirationDate": until.timestamp()}
            if until <= self._place.clock.now():
                raise invalid("expirationDate must be to come.")
        return known


def _fits(finding: Document, params: Params) -> bool:
    if params.get("taskId") not in (None, finding["taskId"]):
        return False
    if params.get("checkName") not in (None, finding["checkName"]):
        return False
    if finding["isSuppressed"] and not params.get("listSuppressedFindings"):
        return False
    wanted = params.get("resourceIdentifier", {})
    if not wanted.items() <= finding["nonCompliantResource"]["resourceIdentifier"].items():
        return False
    if "startTime" not in params:
        return True
    begin, end = params["startTime"].timestamp(), params["endTime"].timestamp()
    return bool(begin <= finding["findingTime"] <= end)


def _key(known: Params) -> str:
    return f"{known['checkName']}|{json.dumps(known['resourceIdentifier'], sort_keys=True)}"
