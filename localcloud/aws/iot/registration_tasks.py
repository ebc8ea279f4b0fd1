"""Registration of things in bulk: a file of parameters in S3, a template, and reports.

Operations of botocore's iot 2015-05-28. docs.aws.amazon.com/iot/latest/developerguide/bulk-provisioning.html:
newline-delimited JSON, one device a line, one task at a time. A line is registered or refused for itself;
where a task was when the process ended, it goes on. AWS publishes neither the reports' lines nor which source
ARN the role's trust policy meets: here a line has lineNumber, and response or errorCode and errorMessage, and
the source is the account's. Reports lie in a bucket of the account's own; AWS keeps them in one of its own.
"""

import asyncio
import json
import uuid
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.background import Background
from localcloud.aws.calls import Calls
from localcloud.aws.iot import objects, template_body
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.iot.registration import Registration
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.template_functions import TemplateError
from localcloud.aws.place import Place
from localcloud.aws.roles import RoleRefused, Roles
from localcloud.store import Document

REPORTS = {"RESULTS": "results", "ERRORS": "errors"}
LINK_SECONDS = 3600
_KIND = "aws-registration-task"
_LINES = "aws-registration-line"
_RUNNING = ("InProgress", "Cancelling")
_SHOWN = (
    "taskId",
    "creationDate",
    "lastModifiedDate",
    "templateBody",
    "inputFileBucket",
    "inputFileKey",
    "roleArn",
    "status",
    "message",
    "successCount",
    "failureCount",
    "percentageProgress",
)
_OWN_BUCKET_TAKEN = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


class RegistrationTasks:
    """Tasks by id."""

    def __init__(
        self,
        place: Place,
        registration: Registration,
        account: Account,
        roles: Roles,
        calls: Calls,
        background: Background,
    ) -> None:
        self._place = place
        self._registration = registration
        self._account = account
        self._roles = roles
        self._calls = calls
        self._background = background
        self._going: set[str] = set()

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "StartThingRegistrationTask": self._start,
                "StopThingRegistrationTask": self._stop,
                "DescribeThingRegistrationTask": lambda it: subset(self._known(it["taskId"]), _SHOWN),
                "ListThingRegistrationTasks": self._list,
                "ListThingRegistrationTaskReports": self._reports,
            }
        )

    def tick(self) -> None:
        """Go on with the task that is under way, when nothing does so in this process."""
        for known in self._all():
            if known["status"] in _RUNNING and known["taskId"] not in self._going:
                self._going.add(known["taskId"])
                self._background.start(self._run(known["taskId"]))

    @property
    def bucket(self) -> str:
        """Where reports lie."""
        return f"aws-iot-registration-{self._place.account}-{self._place.region}"

    def _start(self, params: Params) -> Params:
        try:
            template_body.read(params["templateBody"], is_fleet=False)
        except TemplateError as fault:
            raise invalid(f"Invalid template body: {fault}.") from fault
        checked_role(params["roleArn"])
        if any(it["status"] in _RUNNING for it in self._all()):
            raise invalid("A registration task is under way: an account runs one at a time.")
        now, task_id = self._place.now(), str(uuid.uuid4())
        members = ("templateBody", "inputFileBucket", "inputFileKey", "roleArn")
        document = {
            "taskId": task_id,
            "creationDate": now,
            "status": "InProgress",
            "successCount": 0,
            "failureCount": 0,
            "percentageProgress": 0,
            "done": 0,
            **subset(params, members),
        }
        self._save(document)
        return {"taskId": task_id}

    def _stop(self, params: Params) -> Params:
        known = self._known(params["taskId"])
        if known["status"] not in _RUNNING:
            raise invalid(f"The task is {known['status']}.")
        self._save({**known, "status": "Cancelling"})
        return {}

    def _list(self, params: Params) -> Params:
        wanted = params.get("status")
        found = [str(it["taskId"]) for it in self._all() if wanted in (None, it["status"])]
        return page("taskIds", found, str, params)

    def _reports(self, params: Params) -> Params:
        known, kind = self._known(params["taskId"]), params["reportType"]
        count = known["successCount" if kind == "RESULTS" else "failureCount"]
        links = []
        if known["status"] not in _RUNNING and count:
            credentials = self._account.root_credentials()
            key = _report_key(known["taskId"], kind)
            links = [objects.link(self.bucket, key, credentials, self._place.region, LINK_SECONDS)]
        return {"resourceLinks": links, "reportType": kind}

    async def _run(self, task_id: str) -> None:
        try:
            lines = await self._lines(task_id)
            await self._register(task_id, lines)
            await self._write_reports(task_id)
        except (ApiError, RoleRefused) as refused:
            self._change(task_id, status="Failed", message=str(refused)[:2048])
        finally:
            self._going.discard(task_id)

    async def _lines(self, task_id: str) -> list[str]:
        known = self._known(task_id)
        bucket, key = known["inputFileBucket"], known["inputFileKey"]
        source = self._place.arn("")
        await self._roles.require(
            known["roleArn"], "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", source_arn=source
        )
        data = await objects.read(self._calls, bucket, key)
        try:
            return [it for it in data.decode().split("\n") if it.strip()]
        except UnicodeDecodeError as fault:
            raise invalid("The input file is no UTF-8.") from fault

    async def _register(self, task_id: str, lines: list[str]) -> None:
        """Line by line: what a line made, and that it is done, is kept together."""
        while True:
            known = self._known(task_id)
            number = known["done"]
            if known["status"] == "Cancelling" or number >= len(lines):
                return
            with self._place.store.transaction():
                outcome = self._registered(known["templateBody"], lines[number])
                name = "failureCount" if "errorCode" in outcome else "successCount"
                line = {"lineNumber": number + 1, **outcome}
                self._place.store.put(_LINES, f"{task_id}/{number:09d}", line)
                progress = (number + 1) * 100 // len(lines)
                changes = {name: known[name] + 1, "done": number + 1, "percentageProgress": progress}
                self._save({**known, **changes})
            await asyncio.sleep(0)  # others' calls come in between

    def _registered(self, body: str, line: str) -> dict[str, Any]:
        try:
            made = self._registration.register(body, _parameters(line))
        except ApiError as refused:
            return {"errorCode": refused.code, "errorMessage": refused.message}
        pem = {"CertificatePem": made.certificate.pem} if made.certificate else {}
        return {"response": {**pem, "ResourceArns": dict(made.arns)}}

    async def _write_reports(self, task_id: str) -> None:
        lines = [it for _, it in self._place.store.list(_LINES, f"{task_id}/")]
        reports = {
            "RESULTS": [it for it in lines if "response" in it],
            "ERRORS": [it for it in lines if "errorCode" in it],
        }
        if lines:
            await self._make_bucket()
        for kind, found in reports.items():
            if found:
                data = "".join(json.dumps(it) + "\n" for it in found).encode()
                await objects.write(self._calls, self.bucket, _report_key(task_id, kind), data)
        status = "Cancelled" if self._known(task_id)["status"] == "Cancelling" else "Completed"
        with self._place.store.transaction():
            self._change(task_id, status=status, percentageProgress=100)
            for key, _ in self._place.store.list(_LINES, f"{task_id}/"):
                self._place.store.delete(_LINES, key)

    async def _make_bucket(self) -> None:
        location = {"LocationConstraint": self._place.region}
        try:
            await self._calls.call(
                "s3", "create_bucket", Bucket=self.bucket, CreateBucketConfiguration=location
            )
        except ApiError as refused:
            if refused.code not in _OWN_BUCKET_TAKEN:
                raise

    def _change(self, task_id: str, **changes: Any) -> None:  # noqa: ANN401 - JSON
        self._save({**self._known(task_id), **changes})

    def _known(self, task_id: str) -> Document:
        found = self._place.store.get(_KIND, task_id)
        if found is None:
            raise not_found("Thing registration task", task_id)
        return found

    def _all(self) -> list[Document]:
        return [it for _, it in self._place.store.list(_KIND)]

    def _save(self, known: Document) -> None:
        self._place.store.put(_KIND, known["taskId"], {**known, "lastModifiedDate": self._place.now()})


def _parameters(line: str) -> dict[str, str]:
    """One device's parameters. Raises ApiError."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise invalid("The line is not valid JSON.") from fault
    if not isinstance(found, dict) or not all(isinstance(it, str) for it in found.values()):
        raise invalid("The line must be a JSON object of texts.")
    return found


def _report_key(task_id: str, kind: str) -> str:
    return f"{task_id}/{REPORTS[kind]}.json"
