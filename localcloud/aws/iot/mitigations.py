"""Mitigation: actions taken on findings, each in the name of its own role.

Operations of botocore's iot 2015-05-28. docs.aws.amazon.com/iot/latest/developerguide/
device-defender-mitigation-actions.html, "Apply mitigation actions": actions are taken in their order, and
when one fails on a finding those after it are skipped there. A task is over before the call that starts it
answers. What a finding looks like as a message to SNS is not published; it is sent as it is shown.
"""

import json
from collections.abc import Awaitable, Callable, Mapping

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.calls import Calls
from localcloud.aws.iot.audits import Audits
from localcloud.aws.iot.authorities import Authorities
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.findings import Findings
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.logging import Logging
from localcloud.aws.iot.mitigation_actions import MitigationActions
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.policies import Policies
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.iot.things import Things
from localcloud.aws.place import Place
from localcloud.aws.roles import RoleRefused, Roles
from localcloud.store import Document

_TASKS = "aws-mitigation-task"
_EXECUTIONS = "aws-mitigation-execution"
_BLANK = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}
Apply = Callable[[Document, Params, Params], Awaitable[None]]


class Registries:
    """What actions change."""

    def __init__(
        self,
        certificates: Certificates,
        authorities: Authorities,
        things: Things,
        groups: ThingGroups,
        policies: Policies,
        logging: Logging,
    ) -> None:
        self.certificates = certificates
        self.authorities = authorities
        self.things = things
        self.groups = groups
        self.policies = policies
        self.logging = logging


class Mitigations:
    """Tasks by id, and what became of each action on each finding."""

    def __init__(
        self,
        place: Place,
        audits: Audits,
        findings: Findings,
        actions: MitigationActions,
        registries: Registries,
        roles: Roles,
        calls: Calls,
    ) -> None:
        self._place = place
        self._audits = audits
        self._findings = findings
        self._actions = actions
        self._in = registries
        self._roles = roles
        self._calls = calls
        self._kinds: Mapping[str, Apply] = {
            "UPDATE_DEVICE_CERTIFICATE": self._deactivate,
            "UPDATE_CA_CERTIFICATE": self._deactivate_authority,
            "ADD_THINGS_TO_THING_GROUP": self._add_to_groups,
            "REPLACE_DEFAULT_POLICY_VERSION": self._blank_policy,
            "ENABLE_IOT_LOGGING": self._enable_logging,
            "PUBLISH_FINDING_TO_SNS": self._publish,
        }

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return {
            "StartAuditMitigationActionsTask": lambda _caller, params: self._start(params),
            **for_anyone(
                {
                    "DescribeAuditMitigationActionsTask": self._describe,
                    "CancelAuditMitigationActionsTask": self._cancel,
                    "ListAuditMitigationActionsTasks": self._list,
                    "ListAuditMitigationActionsExecutions": self._list_executions,
                }
            ),
        }

    async def _start(self, params: Params) -> Params:
        task_id, mapping = params["taskId"], params["auditCheckToActionsMapping"]
        if self._place.store.get(_TASKS, task_id) is not None:
            raise ApiError("TaskAlreadyExistsException", f"There is a task {task_id} already.")
        for check, names in mapping.items():
            for name in names:
                self._actions.check_fits(name, check)
        findings = self._targets(params["target"])
        task: Document = {
            "taskId": task_id,
            "taskStatus": "IN_PROGRESS",
            "startTime": self._place.now(),
            "actions": {name: self._actions.require(name) for names in mapping.values() for name in names},
            "findings": [it["findingId"] for it in findings],
            **subset(params, ("target", "auditCheckToActionsMapping")),
        }
        self._place.store.put(_TASKS, task_id, task)
        states = [await self._mitigate(task, it) for it in findings if it["checkName"] in mapping]
        task["taskStatus"] = "FAILED" if "FAILED" in states else "COMPLETED"
        task["endTime"] = self._place.now()
        self._place.store.put(_TASKS, task_id, task)
        return {"taskId": task_id}

    def _targets(self, target: Params) -> list[Document]:
        """All findings of an audit, or those that are named; of some reasons only, where that is given."""
        if ("auditTaskId" in target) == ("findingIds" in target):
            raise invalid("A target has one of auditTaskId and findingIds.")
        if "auditTaskId" in target:
            self._audits.require(target["auditTaskId"])
            found = self._findings.of_task(target["auditTaskId"])
        else:
            found = [self._findings.require(it) for it in target["findingIds"]]
        reasons = target.get("auditCheckToReasonCodeFilter")
        if reasons is None:
            return found
        return [it for it in found if it["reasonForNonComplianceCode"] in reasons.get(it["checkName"], [])]

    async def _mitigate(self, task: Document, finding: Document) -> str:
        """Every action on one finding, until one fails."""
        state = "COMPLETED"
        for number, name in enumerate(task["auditCheckToActionsMapping"][finding["checkName"]]):
            action = task["actions"][name]
            begin, failure = self._place.now(), None
            if state == "COMPLETED":
                failure = await self._tried(finding, action)
            done = "SKIPPED" if state == "FAILED" else "FAILED" if failure else "COMPLETED"
            state = "FAILED" if done != "COMPLETED" else state
            execution = {
                "taskId": task["taskId"],
                "findingId": finding["findingId"],
                "actionName": name,
                "actionId": action["actionId"],
                "status": done,
                "startTime": begin,
                "endTime": self._place.now(),
                **(failure or {}),
            }
            key = f"{task['taskId']}/{finding['findingId']}/{number}"
            self._place.store.put(_EXECUTIONS, key, execution)
        return state

    async def _tried(self, finding: Document, action: Document) -> dict[str, str] | None:
        """None when it is done; else errorCode and message."""
        resource = finding["nonCompliantResource"]["resourceIdentifier"]
        ((params),) = action["actionParams"].values()
        try:
            await self._kinds[action["actionType"]]({**action, "finding": finding}, resource, params)
        except RoleRefused as refused:
            return {"errorCode": "INSUFFICIENT_PERMISSIONS", "message": str(refused)[:2048]}
        except ApiError as refused:
            return {"errorCode": refused.code, "message": refused.message[:2048]}
        return None

    async def _allow(self, action: Document, right: str, resource: str) -> None:
        await self._roles.require(action["roleArn"], right, resource, source_arn=action["actionArn"])

    async def _deactivate(self, action: Document, resource: Params, _params: Params) -> None:
        known = self._in.certificates.require(resource["deviceCertificateId"])
        await self._allow(action, "iot:UpdateCertificate", known.arn)
        self._in.certificates.set_status(known.id, "INACTIVE")

    async def _deactivate_authority(self, action: Document, resource: Params, _params: Params) -> None:
        known = self._in.authorities.get(resource["caCertificateId"])
        if known is None:
            raise not_found("CA certificate", resource["caCertificateId"])
        await self._allow(action, "iot:UpdateCACertificate", known.arn)
        self._in.authorities.deactivate(known.id)

    async def _add_to_groups(self, action: Document, resource: Params, params: Params) -> None:
        await self._allow(action, "iot:ListPrincipalThings", "*")
        for thing in self._in.things.of_principal(resource["deviceCertificateId"]):
            for group in params["thingGroupNames"]:
                await self._allow(action, "iot:AddThingToThingGroup", self._place.arn(f"thinggroup/{group}"))
                await self._allow(action, "iot:AddThingToThingGroup", self._in.things.arn(thing))
                self._in.groups.add(group, thing)

    async def _blank_policy(self, action: Document, resource: Params, _params: Params) -> None:
        """A version that denies everything (what AWS' has in it is not published); five versions are full."""
        name = resource["policyVersionIdentifier"]["policyName"]
        await self._allow(action, "iot:CreatePolicyVersion", str(self._in.policies.require(name)["arn"]))
        self._in.policies.add_version(name, json.dumps(_BLANK), is_default=True)

    async def _enable_logging(self, action: Document, _resource: Params, params: Params) -> None:
        await self._allow(action, "iot:SetV2LoggingOptions", "*")
        await self._allow(action, "iam:PassRole", params["roleArnForLogging"])
        self._in.logging.switch_on(params["roleArnForLogging"], params["logLevel"])

    async def _publish(self, action: Document, _resource: Params, params: Params) -> None:
        await self._allow(action, "sns:Publish", params["topicArn"])
        message = json.dumps({"accountId": self._place.account, "finding": action["finding"]})
        await self._calls.call("sns", "publish", TopicArn=params["topicArn"], Message=message)

    def _describe(self, params: Params) -> Params:
        known = self._known(params["taskId"])
        executions = self._executions(known["taskId"])
        statistics: dict[str, dict[str, int]] = {}
        for check in known["auditCheckToActionsMapping"]:
            states = [_state(executions.get(it, [])) for it in self._of_check(known, check)]
            statistics[check] = {
                "totalFindingsCount": len(states),
                "failedFindingsCount": states.count("FAILED"),
                "succeededFindingsCount": states.count("COMPLETED"),
                "skippedFindingsCount": 0,
                "canceledFindingsCount": 0,
            }
        members = ("taskStatus", "startTime", "endTime", "target", "auditCheckToActionsMapping")
        definitions = [
            {"name": name, "id": it["actionId"], **subset(it, ("roleArn", "actionParams"))}
            for name, it in known["actions"].items()
        ]
        return {**subset(known, members), "taskStatistics": statistics, "actionsDefinition": definitions}

    def _cancel(self, params: Params) -> Params:
        known = self._known(params["taskId"])
        if known["taskStatus"] != "IN_PROGRESS":
            raise invalid(f"The task is {known['taskStatus']}: only one IN_PROGRESS can be cancelled.")
        self._place.store.put(_TASKS, known["taskId"], {**known, "taskStatus": "CANCELED"})
        return {}

    def _list(self, params: Params) -> Params:
        first, last = params["startTime"].timestamp(), params["endTime"].timestamp()
        found = [
            subset(it, ("taskId", "startTime", "taskStatus"))
            for _, it in self._place.store.list(_TASKS)
            if first <= it["startTime"] <= last
            and params.get("taskStatus") in (None, it["taskStatus"])
            and params.get("auditTaskId") in (None, it["target"].get("auditTaskId"))
            and ("findingId" not in params or params["findingId"] in it["findings"])
        ]
        return page("tasks", found, lambda it: str(it["taskId"]), params)

    def _list_executions(self, params: Params) -> Params:
        self._known(params["taskId"])
        prefix = f"{params['taskId']}/{params['findingId']}/"
        found = [
            it
            for _, it in self._place.store.list(_EXECUTIONS, prefix)
            if params.get("actionStatus") in (None, it["status"])
        ]
        return page("actionsExecutions", found, lambda it: str(it["actionName"]), params)

    def _known(self, task_id: str) -> Document:
        found = self._place.store.get(_TASKS, task_id)
        if found is None:
            raise not_found("Mitigation actions task", task_id)
        return found

    def _executions(self, task_id: str) -> dict[str, list[str]]:
        """Statuses by finding."""
        found: dict[str, list[str]] = {}
        for _, it in self._place.store.list(_EXECUTIONS, f"{task_id}/"):
            found.setdefault(it["findingId"], []).append(it["status"])
        return found

    def _of_check(self, known: Document, check: str) -> list[str]:
        return [it for it in known["findings"] if self._findings.require(it)["checkName"] == check]


def _state(statuses: list[str]) -> str:
    return "FAILED" if "FAILED" in statuses else "COMPLETED"
