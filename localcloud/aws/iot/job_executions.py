"""Executions of jobs on things: what a device asks for and reports, and what time does to them.

Operations of botocore's iot-jobs-data 2017-09-29; rules from docs.aws.amazon.com/iot/latest/developerguide/
jobs-mqtt-api.html and iot-jobs-lifecycle.html. A device's next execution is the oldest that is IN_PROGRESS,
else the oldest QUEUED. It may report IN_PROGRESS, SUCCEEDED, FAILED and REJECTED; what is finished stays so.
"""

from collections.abc import Callable
from typing import Any

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.place import Place
from localcloud.store import Document

NEXT = "$next"
PENDING = ("QUEUED", "IN_PROGRESS")
REPORTED = ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED")
LONGEST_STEP_MINUTES = 10080
MOST_DETAILS = 10  # AWS IoT Jobs quotas: "StatusDetails map key-value pairs"
_KIND = "aws-job-execution"
_LATEST = "aws-job-latest"
_SUMMARY = ("jobId", "queuedAt", "startedAt", "lastUpdatedAt", "versionNumber", "executionNumber")
_DATA = (*_SUMMARY, "thingName", "status", "statusDetails")
Finished = Callable[[Document], None]


class Executions:
    """Executions by thing and job. `document_of` gives a job's document as a device gets it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._watchers: list[Callable[[str], None]] = []
        self.document_of: Callable[[str], str] = lambda _job: "{}"
        self.timeout_of: Callable[[str], int | None] = lambda _job: None
        self.finished: Finished = lambda _execution: None

    def operations(self) -> dict[str, Operation]:
        """The device's side over HTTP."""
        return for_anyone(
            {
                "GetPendingJobExecutions": lambda it: self.pending(it["thingName"]),
                "StartNextPendingJobExecution": lambda it: self.start_next(it["thingName"], it),
                "DescribeJobExecution": lambda it: self.describe(it["thingName"], it["jobId"], it),
                "UpdateJobExecution": lambda it: self.update(it["thingName"], it["jobId"], it),
            }
        )

    def on_change(self, watcher: Callable[[str], None]) -> None:
        """Call `watcher` with a thing's name when its pending executions, or the next of them, changed."""
        self._watchers.append(watcher)

    # the device's side

    def pending(self, thing: str) -> Params:
        """inProgressJobs and queuedJobs."""
        found = self._pending(thing)
        return {
            name: [subset(it, _SUMMARY) for it in found if it["status"] == status]
            for name, status in (("inProgressJobs", "IN_PROGRESS"), ("queuedJobs", "QUEUED"))
        }

    def next(self, thing: str) -> Params | None:
        """The next execution with its document, as notify-next tells it; None when nothing is pending."""
        found = self._next(thing)
        return self._shown(found) if found else None

    def start_next(self, thing: str, params: Params) -> Params:
        """The next execution, in progress from now on; nothing when there is none."""
        found = self._next(thing)
        if found is None:
            return {}
        if found["status"] == "QUEUED":
            self._report(found, {**params, "status": "IN_PROGRESS"})
        return {"execution": self._shown(found)}

    def describe(self, thing: str, job_id: str, params: Params) -> Params:
        """One execution; of `$next` nothing when there is none. Raises ApiError."""
        number = params.get("executionNumber")
        found = self._next(thing) if job_id == NEXT else self.require(thing, job_id, number)
        if found is None:
            return {"execution": {}}
        return {"execution": self._shown(found, params.get("includeJobDocument", True))}

    def update(self, thing: str, job_id: str, params: Params) -> Params:
        """What a device reports. Raises ApiError; VersionConflictException is MQTT's VersionMismatch."""
        known = self.require(thing, job_id, params.get("executionNumber"))
        if params["status"] not in REPORTED:
            raise invalid(f"A device reports {', '.join(REPORTED)}, not {params['status']}.")
        expected = params.get("expectedVersion")
        if expected is not None and expected != known["versionNumber"]:
            words = f"The execution has the version {known['versionNumber']}, not {expected}."
            raise ApiError("VersionConflictException", words)
        if known["status"] not in PENDING:
            words = f"The execution is {known['status']}: it cannot become {params['status']}."
            raise ApiError("InvalidStateTransitionException", words)
        self._report(known, params)
        answer: Params = {}
        if params.get("includeJobExecutionState"):
            answer["executionState"] = subset(known, ("status", "statusDetails", "versionNumber"))
        if params.get("includeJobDocument"):
            answer["jobDocument"] = self.document_of(job_id)
        return answer

    # the service's side

    def queue(self, thing: str, job_id: str, number: int = 1, retry: int = 0) -> None:
        """A new execution."""
        now = self._place.now()
        self._save(
            {
                "jobId": job_id,
                "thingName": thing,
                "status": "QUEUED",
                "statusDetails": {},
                "queuedAt": int(now),
                "lastUpdatedAt": int(now),
                "order": now,
                "versionNumber": 1,
                "executionNumber": number,
                "retryAttempt": retry,
            }
        )
        self._place.store.put(_LATEST, f"{job_id}/{thing}", {"number": number})
        self._tell(thing)

    def require(self, thing: str, job_id: str, number: int | None = None) -> Document:
        """One that is there: the latest, or the one of this number. Raises ApiError."""
        latest = self._place.store.get(_LATEST, f"{job_id}/{thing}")
        wanted = number if number is not None else (latest or {}).get("number")
        found = None if wanted is None else self._place.store.get(_KIND, _key(thing, job_id, wanted))
        if found is None:
            raise not_found("Execution of job", f"{job_id} on {thing}")
        return found

    def of_job(self, job_id: str) -> list[Document]:
        """The latest execution on each thing, by thing."""
        latest = self._place.store.list(_LATEST, f"{job_id}/")
        things = [(key.partition("/")[2], it["number"]) for key, it in latest]
        return [self.require(thing, job_id, number) for thing, number in things]

    def of_thing(self, thing: str) -> list[Document]:
        """All executions on a thing, oldest first."""
        found = [it for _, it in self._place.store.list(_KIND, f"{thing}/")]
        return sorted(found, key=lambda it: (it["order"], it["jobId"], it["executionNumber"]))

    def end(self, known: Document, status: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        """The service ends an execution: CANCELED, TIMED_OUT or REMOVED."""
        known.update(status=status, **more)
        self._changed(known)

    def delete(self, known: Document) -> None:
        """Forget it."""
        thing, job_id = known["thingName"], known["jobId"]
        self._place.store.delete(_KIND, _key(thing, job_id, known["executionNumber"]))
        latest = self._place.store.get(_LATEST, f"{job_id}/{thing}")
        if latest and latest["number"] == known["executionNumber"]:
            self._place.store.delete(_LATEST, f"{job_id}/{thing}")
        self._tell(thing)

    def forget_job(self, job_id: str) -> None:
        """All executions of a job."""
        for known in self.of_job(job_id):
            for it in self.of_thing(known["thingName"]):
                if it["jobId"] == job_id:
                    self.delete(it)

    def time_out(self, job_id: str) -> None:
        """End a job's executions whose time in progress, or whose step's, is over."""
        now = self._place.now()
        for known in self.of_job(job_id):
            if known["status"] == "IN_PROGRESS" and self._left(known, now) == 0:
                self.end(known, "TIMED_OUT")

    def _report(self, known: Document, params: Params) -> None:
        details = params.get("statusDetails")
        if details is not None:
            if len(details) > MOST_DETAILS:
                raise invalid(f"statusDetails has {MOST_DETAILS} members at most, not {len(details)}.")
            known["statusDetails"] = details
        minutes = params.get("stepTimeoutInMinutes")
        if minutes is not None:
            if minutes != -1 and not 1 <= minutes <= LONGEST_STEP_MINUTES:
                raise invalid(f"stepTimeoutInMinutes is 1 to {LONGEST_STEP_MINUTES}, or -1 for none.")
            known["stepUntil"] = None if minutes == -1 else self._place.now() + minutes * 60
        if params["status"] == "IN_PROGRESS" and known["status"] == "QUEUED":
            known["startedAt"] = int(self._place.now())
        known["status"] = params["status"]
        self._changed(known)

    def _changed(self, known: Document) -> None:
        known["versionNumber"] += 1
        known["lastUpdatedAt"] = int(self._place.now())
        with self._place.store.transaction():
            self._save(known)
            if known["status"] not in PENDING:
                self.finished(known)
        self._tell(known["thingName"])

    def _pending(self, thing: str) -> list[Document]:
        return [it for it in self.of_thing(thing) if it["status"] in PENDING]

    def _next(self, thing: str) -> Document | None:
        found = self._pending(thing)
        started = [it for it in found if it["status"] == "IN_PROGRESS"]
        return next(iter(started or found), None)

    def _shown(self, known: Document, with_document: bool = True) -> Params:
        shown = subset(known, _DATA)
        left = self._left(known, self._place.now())
        if left is not None:
            shown["approximateSecondsBeforeTimedOut"] = left
        return {**shown, "jobDocument": self.document_of(known["jobId"])} if with_document else shown

    def _left(self, known: Document, now: float) -> int | None:
        """Seconds until it times out; None when it does not."""
        if known["status"] != "IN_PROGRESS":
            return None
        minutes = self.timeout_of(known["jobId"])
        ends = [] if minutes is None else [known["startedAt"] + minutes * 60]
        if known.get("stepUntil") is not None:
            ends.append(known["stepUntil"])
        return max(0, round(min(ends) - now)) if ends else None

    def _save(self, known: Document) -> None:
        key = _key(known["thingName"], known["jobId"], known["executionNumber"])
        self._place.store.put(_KIND, key, known)

    def _tell(self, thing: str) -> None:
        for watcher in self._watchers:
            watcher(thing)


def _key(thing: str, job_id: str, number: int) -> str:
    return f"{thing}/{job_id}/{number:09d}"
