"""Audits: run on demand and by schedule, their findings, suppressions, and the message when one is done.

Operations of botocore's iot 2015-05-28. An audit is over before the call that starts it answers; so there is
hardly ever one to cancel. The message to SNS has the members of the developer guide's example ("Audit
notifications"); it goes out in the name of the role of the notification's configuration.
"""

import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.background import Background
from localcloud.aws.calls import Calls
from localcloud.aws.iot.audit_checks import CHECKS, Evidence, Fault, Outcome
from localcloud.aws.iot.audit_settings import AuditSettings
from localcloud.aws.iot.connection_history import LOOKS_BACK_SECONDS
from localcloud.aws.iot.findings import Findings
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.place import Place
from localcloud.aws.roles import RoleRefused, Roles
from localcloud.store import Document

ON_DEMAND, SCHEDULED = "ON_DEMAND_AUDIT_TASK", "SCHEDULED_AUDIT_TASK"
_TASKS = "aws-audit-task"
_LOG = logging.getLogger("localcloud.aws")
NewEvidence = Callable[[float, dict[str, str]], Evidence]


class Audits:
    """Audit tasks. `evidence` makes what a check looks at, from a moment and the check's settings."""

    def __init__(
        self,
        place: Place,
        settings: AuditSettings,
        findings: Findings,
        evidence: NewEvidence,
        roles: Roles,
        calls: Calls,
        background: Background,
    ) -> None:
        self._place = place
        self._settings = settings
        self._findings = findings
        self._evidence = evidence
        self._roles = roles
        self._calls = calls
        self._background = background

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return {
            "StartOnDemandAuditTask": lambda _caller, params: self._start(params),
            **for_anyone(
                {
                    "CancelAuditTask": self._cancel,
                    "DescribeAuditTask": self._describe,
                    "ListAuditTasks": self._list,
                }
            ),
        }

    def require(self, task_id: str) -> Document:
        """A task that is there. Raises ApiError."""
        found = self._place.store.get(_TASKS, task_id)
        if found is None:
            raise not_found("Audit task", task_id)
        return found

    def tick(self) -> None:
        """Start the scheduled audits that are due."""
        for scheduled in self._settings.due():
            since = float(scheduled.get("lastRun") or scheduled["creationDate"])
            self._background.start(self._run_scheduled(scheduled, since))

    async def run(self, checks: list[str], since: float, scheduled: str | None = None) -> str:
        """An audit from its beginning to its end; the task's id."""
        task_id = uuid.uuid4().hex
        task: Document = {
            "taskId": task_id,
            "taskStatus": "IN_PROGRESS",
            "taskType": SCHEDULED if scheduled else ON_DEMAND,
            "taskStartTime": self._place.now(),
            "auditDetails": {name: {"checkRunStatus": "IN_PROGRESS"} for name in checks},
            **({"scheduledAuditName": scheduled} if scheduled else {}),
        }
        self._save(task)
        for name in checks:
            outcome = await self._outcome(name, since)
            with self._place.store.transaction():
                task["auditDetails"][name] = self._kept(task, name, outcome)
                self._save(task)
        task["taskStatus"] = "COMPLETED"
        self._save(task)
        await self._notify(task)
        return task_id

    async def _run_scheduled(self, scheduled: Document, since: float) -> None:
        await self.run(scheduled["targetCheckNames"], since, scheduled["scheduledAuditName"])

    async def _outcome(self, name: str, since: float) -> Outcome:
        given: Outcome | Awaitable[Outcome] = CHECKS[name].run(
            self._evidence(since, dict(self._settings.settings_of(name)))
        )
        return await given if isawaitable(given) else given

    def _kept(self, task: Document, name: str, outcome: Outcome) -> Params:
        """The check's details, its findings kept."""
        if outcome.failure:
            code, words = outcome.failure
            return {"checkRunStatus": "FAILED", "errorCode": code, "message": words}
        suppressed = sum(self._keep(task, name, fault)["isSuppressed"] for fault in outcome.faults)
        is_compliant = len(outcome.faults) == suppressed
        return {
            "checkRunStatus": "COMPLETED_COMPLIANT" if is_compliant else "COMPLETED_NON_COMPLIANT",
            "checkCompliant": is_compliant,
            "totalResourcesCount": outcome.total,
            "nonCompliantResourcesCount": len(outcome.faults) - suppressed,
            "suppressedNonCompliantResourcesCount": suppressed,
        }

    def _keep(self, task: Document, name: str, fault: Fault) -> Document:
        resource: dict[str, Any] = {"resourceType": fault.type, "resourceIdentifier": dict(fault.identifier)}
        if fault.info:
            resource["additionalInfo"] = dict(fault.info)
        finding = {
            "findingId": str(uuid.uuid4()),
            "taskId": task["taskId"],
            "checkName": name,
            "taskStartTime": task["taskStartTime"],
            "findingTime": self._place.now(),
            "severity": CHECKS[name].severity,
            "nonCompliantResource": resource,
            "relatedResources": [],
            "reasonForNonCompliance": fault.words,
            "reasonForNonComplianceCode": fault.code,
        }
        return self._findings.keep(finding)

    async def _notify(self, task: Document) -> None:
        target = self._settings.notification()
        if target is None:
            return
        source = self._place.arn("")  # what AWS publishes for audits: nothing stands at its end
        try:
            await self._roles.require(
                target["roleArn"], "sns:Publish", target["targetArn"], source_arn=source
            )
            message = json.dumps(_message(task, self._place.account))
            await self._calls.call("sns", "publish", TopicArn=target["targetArn"], Message=message)
        except (ApiError, RoleRefused) as refused:
            _LOG.warning("an audit's notification was not sent", extra={"fields": {"reason": str(refused)}})

    async def _start(self, params: Params) -> Params:
        names = list(dict.fromkeys(params["targetCheckNames"]))
        self._settings.check_enabled(names)
        return {"taskId": await self.run(names, self._place.now() - LOOKS_BACK_SECONDS)}

    def _cancel(self, params: Params) -> Params:
        known = self.require(params["taskId"])
        if known["taskStatus"] != "IN_PROGRESS":
            raise invalid(f"The audit is {known['taskStatus']}: only one IN_PROGRESS can be cancelled.")
        known["taskStatus"] = "CANCELED"
        self._save(known)
        return {}

    def _describe(self, params: Params) -> Params:
        known = self.require(params["taskId"])
        members = ("taskStatus", "taskType", "taskStartTime", "scheduledAuditName", "auditDetails")
        return {**subset(known, members), "taskStatistics": _statistics(known)}

    def _list(self, params: Params) -> Params:
        first, last = params["startTime"].timestamp(), params["endTime"].timestamp()
        found = [
            subset(it, ("taskId", "taskStatus", "taskType"))
            for _, it in self._place.store.list(_TASKS)
            if first <= it["taskStartTime"] <= last
            and params.get("taskType") in (None, it["taskType"])
            and params.get("taskStatus") in (None, it["taskStatus"])
        ]
        return page("tasks", found, lambda it: str(it["taskId"]), params)

    def _save(self, task: Document) -> None:
        self._place.store.put(_TASKS, task["taskId"], task)


def _statistics(task: Document) -> dict[str, int]:
    states = [it["checkRunStatus"] for it in task["auditDetails"].values()]
    return {
        "totalChecks": len(states),
        "inProgressChecks": states.count("IN_PROGRESS"),
        "waitingForDataCollectionChecks": states.count("WAITING_FOR_DATA_COLLECTION"),
        "compliantChecks": states.count("COMPLETED_COMPLIANT"),
        "nonCompliantChecks": states.count("COMPLETED_NON_COMPLIANT"),
        "failedChecks": states.count("FAILED"),
        "canceledChecks": states.count("CANCELED"),
    }


def _message(task: Document, account: str) -> Params:
    counts = _statistics(task)
    return {
        "accountId": account,
        **subset(task, ("taskId", "taskStatus", "taskType", "scheduledAuditName")),
        "failedChecksCount": counts["failedChecks"],
        "canceledChecksCount": counts["canceledChecks"],
        "nonCompliantChecksCount": counts["nonCompliantChecks"],
        "compliantChecksCount": counts["compliantChecks"],
        "totalChecksCount": counts["totalChecks"],
        "taskStartTime": int(task["taskStartTime"] * 1000),
        "auditDetails": [{"checkName": name, **it} for name, it in task["auditDetails"].items()],
    }
