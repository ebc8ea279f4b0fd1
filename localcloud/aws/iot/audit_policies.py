"""Policies that are too broad, or mean something else than they look. Pure.

docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-iot-policy-permissive.html and
audit-chk-iot-misconfigured-policies.html. A policy is broad when a device could act for others: a wildcard in
a client id, a topic or a thing's name before any variable that ties it to the device itself. The pages leave
"some exceptions" open; this is the strict reading, and iot:Receive is the exception that they name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.policy import matches

BROAD = "ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS"
WILDCARD_IN_DENY = "POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT"
DENIED_BY_FILTER = "TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS"
_ATTACHED = "iot:connection.thing.isattached"
_OF_THINGS = (
    "DeleteThingShadow",
    "GetThingShadow",
    "UpdateThingShadow",
    "DescribeJobExecution",
    "GetPendingJobExecutions",
    "StartNextPendingJobExecution",
    "UpdateJobExecution",
)
_ACTIONS = {
    "iot:Connect": "client/",
    "iot:Publish": "topic/",
    "iot:RetainPublish": "topic/",
    "iot:Subscribe": "topicfilter/",
    **{f"iot:{it}": "thing/" for it in _OF_THINGS},
}
_AUDITING = frozenset({"iam", "cloudtrail", "guardduty", "inspector", "trustedadvisor"})
# Variables of the device itself. iot:ClientId is what the device says, so it ties nothing down.
_OWN = ("${iot:Connection.Thing.", "${iot:Certificate.", "${iot:CertificateId}")


def broad_reason(document: Mapping[str, Any]) -> str | None:
    """The reason code of a policy that is too broad; None for one that is not."""
    allowed = [it for it in _listed(document.get("Statement", [])) if it.get("Effect") == "Allow"]
    return BROAD if any(_is_broad(it) for it in allowed) else None


def misconfigured_reason(document: Mapping[str, Any]) -> str | None:
    """The reason code of a policy that may be misconfigured."""
    statements = _listed(document.get("Statement", []))
    denied = [it for it in statements if it.get("Effect") == "Deny"]
    for statement in denied:
        if any(_has_mqtt_wildcard(it) for it in _listed(statement.get("Resource", []))):
            return WILDCARD_IN_DENY
    return DENIED_BY_FILTER if _denies_in_vain(statements, denied) else None


def role_reason(document: Mapping[str, Any]) -> str | None:
    """The reason code of a role's policy that gives devices too much.

    audit-chk-iot-role-alias-permissive.html: administration of a service (`service:*`), services that audit,
    and AWS IoT's data plane broadly. Which services a role has used is not known, so all that it may count.
    """
    for statement in _listed(document.get("Statement", [])):
        if statement.get("Effect") != "Allow":
            continue
        services = {str(it).partition(":")[0].lower() for it in _listed(statement.get("Action", []))}
        if services & _AUDITING:
            return "ALLOWS_ACCESS_TO_SECURITY_AUDITING_SERVICES"
        if "NotAction" in statement or any(_is_everything(it) for it in _listed(statement["Action"])):
            return "ALLOWS_BROAD_ACCESS_TO_USED_SERVICES"
    return broad_reason(document)


def _is_everything(action: object) -> bool:
    name = str(action)
    return name == "*" or name.endswith(":*")


def _is_broad(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement or "NotResource" in statement:
        return True
    resources = [str(it) for it in _listed(statement.get("Resource", []))]
    patterns = [str(it) for it in _listed(statement.get("Action", []))]
    for action, kind in _ACTIONS.items():
        is_meant = any(matches(it, action, ignore_case=True) for it in patterns)
        if is_meant and any(_is_open(it, kind, statement) for it in resources):
            return True
    return False


def _is_open(resource: str, kind: str, statement: Mapping[str, Any]) -> bool:
    """Whether a resource that this kind of action may be about takes in others' than the device's own."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return "*" in resource
    name = parts[5]
    if not name.startswith(kind):
        return _could_be(name, kind)
    name = name.removeprefix(kind)
    if kind == "client/" and "${iot:clientid}" in name.lower():
        return not _is_attached(statement)
    wild = "*?+#" if kind == "topicfilter/" else "*?"
    ends = [name.index(it) for it in wild if it in name]
    begins = [name.index(it) for it in _OWN if it in name]
    return bool(ends) and (not begins or min(ends) < min(begins))


def _could_be(name: str, kind: str) -> bool:
    """Whether a pattern with a wildcard early on fits names of this kind."""
    first = name.partition("*")[0]
    return "*" in name and kind.startswith(first)


def _is_attached(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition", {}).get("Bool", {})
    given = {str(name).lower(): value for name, value in conditions.items()}
    return "true" in [str(it).lower() for it in _listed(given.get(_ATTACHED, []))]


def _has_mqtt_wildcard(resource: object) -> bool:
    name = str(resource).split(":", 5)[-1]
    return name.startswith(("topic/", "topicfilter/")) and any(it in "+#" for it in name)


def _denies_in_vain(statements: list[Any], denied: list[Any]) -> bool:
    """A denied filter below an allowed one, where messages on its topics may be received all the same."""
    allowed = list(_resources(statements, "Allow", "iot:Subscribe", "topicfilter/"))
    received = list(_resources(denied, "Deny", "iot:Receive", "topic/"))
    for inner in _resources(denied, "Deny", "iot:Subscribe", "topicfilter/"):
        is_inside = any(outer != inner and matches(outer, inner) for outer in allowed)
        if is_inside and not any(matches(it, inner) for it in received):
            return True
    return False


def _resources(statements: list[Any], effect: str, action: str, kind: str) -> Iterator[str]:
    """Topics or filters of an effect and an action."""
    for statement in statements:
        actions = [str(it) for it in _listed(statement.get("Action", []))]
        is_meant = any(matches(it, action, ignore_case=True) for it in actions)
        if statement.get("Effect") != effect or not is_meant:
            continue
        for resource in _listed(statement.get("Resource", [])):
            name = str(resource).split(":", 5)[-1]
            if name.startswith(kind):
                yield name.removeprefix(kind)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON: one thing or a list of them
    return value if isinstance(value, list) else [value]
