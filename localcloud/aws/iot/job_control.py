"""Single executions of jobs on the control plane: told, listed, cancelled, deleted.

Operations of botocore's iot 2015-05-28.
"""

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.job_executions import Executions
from localcloud.aws.iot.jobs import Jobs
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import check_version, invalid
from localcloud.aws.iot.things import Things
from localcloud.store import Document

_TIMES = ("status", "queuedAt", "startedAt", "lastUpdatedAt", "executionNumber")


class JobControl:
    """What an operator does with executions."""

    def __init__(self, jobs: Jobs, things: Things) -> None:
        self._jobs = jobs
        self._executions: Executions = jobs.executions
        self._things = things

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "DescribeJobExecution": self._describe,
                "ListJobExecutionsForJob": self._list_of_job,
                "ListJobExecutionsForThing": self._list_of_thing,
                "CancelJobExecution": self._cancel,
                "DeleteJobExecution": self._delete,
            }
        )

    def _describe(self, params: Params) -> Params:
        known = self._known(params)
        shown = {
            **subset(known, (*_TIMES, "jobId", "versionNumber", "forceCanceled")),
            "thingArn": self._things.arn(known["thingName"]),
            "statusDetails": {"detailsMap": known["statusDetails"]},
        }
        return {"execution": shown}

    def _list_of_job(self, params: Params) -> Params:
        self._jobs.require(params["jobId"])
        found = [
            {"thingArn": self._things.arn(it["thingName"]), "jobExecutionSummary": _summary(it)}
            for it in self._executions.of_job(params["jobId"])
            if params.get("status") in (None, it["status"])
        ]
        return page("executionSummaries", found, lambda it: str(it["thingArn"]), params)

    def _list_of_thing(self, params: Params) -> Params:
        if "namespaceId" in params:
            raise invalid("namespaceId of jobs is not served by the local cloud.")
        self._things.require(params["thingName"])
        found = [
            {"jobId": it["jobId"], "jobExecutionSummary": _summary(it)}
            for it in self._executions.of_thing(params["thingName"])
            if params.get("status") in (None, it["status"]) and params.get("jobId") in (None, it["jobId"])
        ]
        found.sort(key=_key)
        return page("executionSummaries", found, _key, params)

    def _cancel(self, params: Params) -> Params:
        known = self._known(params)
        check_version("execution", known["jobId"], params.get("expectedVersion"), known["versionNumber"])
        forced = params.get("force", False)
        if known["status"] != "QUEUED" and not (forced and known["status"] == "IN_PROGRESS"):
            words = (
                f"The execution is {known['status']}; IN_PROGRESS needs force, and what is finished stays."
            )
            raise ApiError("InvalidStateTransitionException", words)
        details = params.get("statusDetails", known["statusDetails"])
        self._executions.end(known, "CANCELED", forceCanceled=forced, statusDetails=details)
        return {}

    def _delete(self, params: Params) -> Params:
        known = self._known(params)
        if known["status"] == "IN_PROGRESS" and not params.get("force"):
            raise ApiError(
                "InvalidStateTransitionException", "The execution is IN_PROGRESS: force is needed."
            )
        self._executions.delete(known)
        return {}

    def _known(self, params: Params) -> Document:
        return self._executions.require(params["thingName"], params["jobId"], params.get("executionNumber"))


def _summary(known: Document) -> Params:
    return subset(known, (*_TIMES, "retryAttempt"))


def _key(shown: Params) -> str:
    return f"{shown['jobId']}/{shown['jobExecutionSummary']['executionNumber']:09d}"
