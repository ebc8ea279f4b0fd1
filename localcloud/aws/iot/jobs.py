"""Jobs: made, rolled out to things and groups, cancelled, told.

Operations of botocore's iot 2015-05-28; docs.aws.amazon.com/iot/latest/developerguide/iot-jobs.html. Not
served, and refused by name: document parameters, schedules and their windows, package versions, namespaces.
`tick` does what time does: the rollout's next minute, members of a continuous job's groups, timeouts.
"""

from collections.abc import Callable
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.emulator import Emulator
from localcloud.aws.iot import job_documents, job_rollout
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.job_executions import PENDING, Executions
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.tags import Tags
from localcloud.aws.iot.things import Things
from localcloud.aws.place import Place
from localcloud.store import Document

_NOUN = Noun("aws-job", "Job", "job")
_NOT_SERVED = (
    "documentParameters",
    "schedulingConfig",
    "maintenanceWindows",
    "destinationPackageVersions",
    "namespaceId",
)
CONFIGS = (
    "presignedUrlConfig",
    "jobExecutionsRolloutConfig",
    "abortConfig",
    "timeoutConfig",
    "jobExecutionsRetryConfig",
)
_SHOWN = (
    *CONFIGS,
    "jobArn",
    "jobId",
    "jobTemplateArn",
    "targetSelection",
    "status",
    "forceCanceled",
    "reasonCode",
    "comment",
    "targets",
    "description",
    "createdAt",
    "lastUpdatedAt",
    "completedAt",
    "isConcurrent",
)
_TAKEN = ("jobId", "jobTemplateArn", "targets", "description", "documentSource")
_LISTED = ("jobArn", "jobId", "targetSelection", "status", "createdAt", "lastUpdatedAt", "completedAt")
_COUNTED = ("CANCELED", "SUCCEEDED", "FAILED", "REJECTED", "QUEUED", "IN_PROGRESS", "REMOVED", "TIMED_OUT")


class Jobs:
    """Jobs by id; `executions` is what devices see of them, `template_of` what a template says of a job."""

    def __init__(
        self,
        place: Place,
        tags: Tags,
        things: Things,
        groups: ThingGroups,
        account: Account,
        emulator: Emulator,
    ) -> None:
        self._place = place
        self._things = things
        self._groups = groups
        self._account = account
        self._emulator = emulator
        self._kept = Named(place, tags, _NOUN)
        self.template_of: Callable[[str], Params] = lambda _arn: {}
        self.executions = Executions(place)
        self.executions.document_of = self.document
        self.executions.timeout_of = self._timeout_of
        self.executions.finished = self._finished

    def operations(self) -> dict[str, Operation]:
        """The control plane; what concerns single executions is `job_control`'s."""
        return {
            "CreateJob": lambda _caller, params: self.create(params),
            **for_anyone(
                {
                    "DescribeJob": self._describe,
                    "GetJobDocument": self._get_document,
                    "ListJobs": self._list,
                    "UpdateJob": self._update,
                    "CancelJob": self._cancel,
                    "DeleteJob": self._delete,
                    "AssociateTargetsWithJob": self._associate,
                }
            ),
        }

    def require(self, job_id: str) -> Document:
        """A job that is there. Raises ApiError."""
        return self._kept.get(job_id)

    def document(self, job_id: str) -> str:
        """A job's document as a device gets it, links signed."""
        known = self.require(job_id)
        text = str(known["document"])
        if not job_documents.has_links(text):
            return text
        seconds = known["presignedUrlConfig"].get("expiresInSec", job_documents.DEFAULT_SECONDS)
        return job_documents.linked(text, self._account.root_credentials(), self._place.region, seconds)

    def tick(self) -> None:
        """What is due by now."""
        for job_id in [it["jobId"] for it in self._kept.all() if it["status"] == "IN_PROGRESS"]:
            self.executions.time_out(job_id)
            known = self.require(job_id)
            if known["status"] == "IN_PROGRESS":
                self._roll_out(known)

    async def create(self, params: Params) -> Params:
        """A new job, as CreateJob. Raises ApiError."""
        job_id = params["jobId"]
        if self._kept.find(job_id) is not None:
            raise ApiError(
                "ResourceAlreadyExistsException", f"Job {job_id} already exists.", resourceId=job_id
            )
        wanted = self._with_template(params)
        self._check_targets(wanted["targets"])
        text = await self.check(wanted)
        with self._place.store.transaction():
            known = self._kept.create(job_id, self._new(wanted, text), params.get("tags", []))
            self._roll_out(known)
        return _identified(known)

    def _new(self, params: Params, text: str) -> Document:
        now = self._place.now()
        return {
            "jobArn": self._kept.arn(params["jobId"]),
            "targetSelection": params.get("targetSelection", "SNAPSHOT"),
            "status": "IN_PROGRESS",
            "document": text,
            "createdAt": now,
            "lastUpdatedAt": now,
            "isConcurrent": False,
            "snapshot": self._members(params["targets"]),
            "reached": [],
            "rolled": {"minute": 0, "count": 0},
            **subset(params, (*_TAKEN, *CONFIGS)),
        }

    def _with_template(self, params: Params) -> Params:
        """With what the template says, where one is named and the call says nothing. Raises ApiError."""
        if "jobTemplateArn" not in params:
            return params
        if {"document", "documentSource"} & set(params):
            raise invalid("A job has one of document, documentSource and jobTemplateArn.")
        return {**self.template_of(params["jobTemplateArn"]), **params}

    async def check(self, params: Params) -> str:
        """The document of a job that is asked for so. Raises ApiError when there can be no such job."""
        self._check_configs(params)
        text = await self._document_of(params)
        if job_documents.has_links(text) and "roleArn" not in params.get("presignedUrlConfig", {}):
            raise invalid("The document has links to sign, so presignedUrlConfig with a roleArn is required.")
        return text

    def _check_configs(self, params: Params) -> None:
        for name in _NOT_SERVED:
            if name in params:
                raise invalid(f"{name} of jobs is not served by the local cloud.")
        if faults := job_rollout.faults(params):
            raise invalid(" ".join(faults))
        if "roleArn" in params.get("presignedUrlConfig", {}):
            checked_role(params["presignedUrlConfig"]["roleArn"])

    def _check_targets(self, targets: list[str]) -> None:
        for target in targets:
            kind, _, name = (self._place.resource(target) or "").partition("/")
            if kind == "thing":
                self._things.require(name)
            elif kind == "thinggroup":
                self._groups.require(name)
            else:
                raise invalid(f"{target} is no ARN of a thing or thing group in this account.")

    async def _document_of(self, params: Params) -> str:
        if ("document" in params) == ("documentSource" in params):
            raise invalid("A job has one of document and documentSource.")
        if "document" in params:
            return job_documents.checked(params["document"])
        return await job_documents.fetched(self._emulator, params["documentSource"])

    def _members(self, targets: list[str]) -> list[str]:
        found: dict[str, None] = {}
        for target in targets:
            kind, _, name = (self._place.resource(target) or "").partition("/")
            found.update(
                dict.fromkeys([name] if kind == "thing" else self._groups.members(name, recursive=True))
            )
        return list(found)

    def _roll_out(self, known: Document) -> None:
        """Queue what this minute allows, and see whether the job is done."""
        is_continuous = known["targetSelection"] == "CONTINUOUS"
        wanted = self._members(known["targets"]) if is_continuous else known["snapshot"]
        reached = set(known["reached"])
        waiting = [it for it in wanted if it not in reached]
        statuses = [it["status"] for it in self.executions.of_job(known["jobId"])]
        now_minute = int((self._place.now() - known["createdAt"]) // 60)
        used = known["rolled"]["count"] if known["rolled"]["minute"] == now_minute else 0
        allowed = job_rollout.per_minute(known.get("jobExecutionsRolloutConfig"), statuses) - used
        going = waiting[: max(0, allowed)]
        for thing in going:
            self.executions.queue(thing, known["jobId"])
        if going:
            known["reached"] = [*known["reached"], *going]
            known["rolled"] = {"minute": now_minute, "count": used + len(going)}
            self._kept.put(known["jobId"], known)
        if not is_continuous and len(waiting) == len(going):
            self._complete(known)

    def _complete(self, known: Document) -> None:
        if any(it["status"] in PENDING for it in self.executions.of_job(known["jobId"])):
            return
        now = self._place.now()
        self._kept.put(
            known["jobId"], {**known, "status": "COMPLETED", "completedAt": now, "lastUpdatedAt": now}
        )

    def _finished(self, execution: Document) -> None:
        """An execution ended: try again, give the job up, or complete it."""
        known = self._kept.find(execution["jobId"])
        if known is None or known["status"] != "IN_PROGRESS":
            return
        left = job_rollout.retries(known.get("jobExecutionsRetryConfig"), execution["status"])
        if execution["retryAttempt"] < left:
            number, retry = execution["executionNumber"] + 1, execution["retryAttempt"] + 1
            self.executions.queue(execution["thingName"], known["jobId"], number, retry)
            return
        statuses = [it["status"] for it in self.executions.of_job(known["jobId"])]
        if job_rollout.is_to_abort(known.get("abortConfig"), statuses):
            self._stop(known, {"comment": "A criterion of abortConfig is met."})
        elif known["targetSelection"] == "SNAPSHOT" and set(known["snapshot"]) <= set(known["reached"]):
            self._complete(known)

    def _describe(self, params: Params) -> Params:
        known = self.require(params["jobId"])
        executions = self.executions.of_job(known["jobId"])
        details: dict[str, Any] = {
            f"numberOf{_camel(status)}Things": sum(it["status"] == status for it in executions)
            for status in _COUNTED
        }
        details["processingTargets"] = known["targets"] if known["status"] == "IN_PROGRESS" else []
        job = {**subset(known, _SHOWN), "jobProcessDetails": details}
        return {"job": job, **subset(known, ("documentSource",))}

    def _get_document(self, params: Params) -> Params:
        return {"document": self.require(params["jobId"])["document"]}

    def _list(self, params: Params) -> Params:
        if "namespaceId" in params:
            raise invalid("namespaceId of jobs is not served by the local cloud.")
        found = [subset(it, _LISTED) for it in self._kept.all() if self._fits(it, params)]
        return page("jobs", found, lambda it: str(it["jobId"]), params)

    def _fits(self, known: Document, params: Params) -> bool:
        for name in ("status", "targetSelection"):
            if params.get(name) not in (None, known[name]):
                return False
        arns = (
            [self._place.arn(f"thinggroup/{params['thingGroupName']}")] if "thingGroupName" in params else []
        )
        if "thingGroupId" in params:
            arns = [it["arn"] for it in self._groups.all() if it["id"] == params["thingGroupId"]] or [""]
        return all(it in known["targets"] for it in arns)

    def _update(self, params: Params) -> Params:
        known = self._in_progress(params["jobId"])
        self._check_configs(params)
        changes = subset(params, ("description", *CONFIGS))
        self._kept.put(known["jobId"], {**known, **changes, "lastUpdatedAt": self._place.now()})
        return {}

    def _cancel(self, params: Params) -> Params:
        known = self._in_progress(params["jobId"])
        more = {**subset(params, ("reasonCode", "comment")), "forceCanceled": params.get("force", False)}
        with self._place.store.transaction():
            self._stop(known, more)
        return _identified(known)

    def _stop(self, known: Document, more: Params) -> None:
        """Cancelled: what is queued is too, and what is in progress when it is forced."""
        now = self._place.now()
        stopped = {**known, **more, "status": "CANCELED", "completedAt": now, "lastUpdatedAt": now}
        self._kept.put(known["jobId"], stopped)
        forced = more.get("forceCanceled", False)
        for execution in self.executions.of_job(known["jobId"]):
            if execution["status"] == "QUEUED" or (forced and execution["status"] == "IN_PROGRESS"):
                self.executions.end(execution, "CANCELED", forceCanceled=forced)

    def _delete(self, params: Params) -> Params:
        self.delete(params["jobId"], params.get("force", False))
        return {}

    def delete(self, job_id: str, force: bool) -> None:
        """Forget a job and its executions. Raises ApiError while it is in progress, unless forced."""
        known = self.require(job_id)
        if known["status"] == "IN_PROGRESS" and not force:
            raise ApiError(
                "InvalidStateTransitionException",
                f"Job {known['jobId']} is in progress: cancel it, or force.",
            )
        with self._place.store.transaction():
            self.executions.forget_job(known["jobId"])
            self._kept.remove(known["jobId"])

    def _associate(self, params: Params) -> Params:
        known = self._in_progress(params["jobId"])
        if known["targetSelection"] != "CONTINUOUS":
            raise invalid("Targets can be associated with a job that is CONTINUOUS only.")
        self._check_targets(params["targets"])
        known["targets"] = list(dict.fromkeys([*known["targets"], *params["targets"]]))
        self._kept.put(known["jobId"], {**known, **subset(params, ("comment",))})
        self._roll_out(self.require(known["jobId"]))
        return _identified(known)

    def _in_progress(self, job_id: str) -> Document:
        known = self.require(job_id)
        if known["status"] != "IN_PROGRESS":
            raise invalid(f"Job {job_id} is {known['status']}.")
        return known

    def _timeout_of(self, job_id: str) -> int | None:
        known = self._kept.find(job_id)
        minutes = None if known is None else known.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes")
        return None if minutes is None else int(minutes)


def _identified(known: Document) -> Params:
    return subset(known, ("jobArn", "jobId", "description"))


def _camel(status: str) -> str:
    return "".join(it.capitalize() for it in status.split("_"))
