"""Log Analytics workspaces (API 2023-09-01) and Azure Monitor's diagnostic settings (2021-05-01-preview),
metric alerts (2018-03-01), alerts on logs (2025-01-01-preview) and action groups (2024-10-01-preview).

They are checked and kept: the local cloud writes no logs into a workspace and fires no alert.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from localcloud.azure.arm.errors import ArmError
from localcloud.azure.arm.identity import check_identity
from localcloud.azure.arm.kept import keep, within
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.monitored import LOG_GROUPS, LOGS, METRICS
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.azure.arm.written import DIAGNOSTIC_SETTING

_WORKSPACE = "Microsoft.OperationalInsights/workspaces"
_INSIGHTS = "Microsoft.Insights"
_MONITOR = "azure.mgmt.monitor"
_MOST_SETTINGS = 5  # "Diagnostic settings in Azure Monitor": each resource can have up to five
_NAME = NameRule(re.compile(r"[^*#&+:<>?@%{}\\/|]{0,259}[^*#&+:<>?@%{}\\/|. ]"), "1 to 260 characters")
_DESTINATIONS = {
    "workspaceId": (_WORKSPACE, "Log Analytics workspace"),
    "storageAccountId": ("Microsoft.Storage/storageAccounts", "storage account"),
}
_OTHER_DESTINATIONS = ("eventHubAuthorizationRuleId", "serviceBusRuleId", "marketplacePartnerId")
# "Metric Alerts - Create Or Update" and "Understand how metric alerts work": frequencies and windows
_FREQUENCIES = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60}
_WINDOWS = _FREQUENCIES | {"PT6H": 360, "PT12H": 720, "PT24H": 1440, "P1D": 1440}


def _check_workspace(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    free = draft.at("properties", "sku", "name") == "Free"
    least, most = (7, 7) if free else (30, 730)
    within(draft, "properties.retentionInDays", least, most, "days")


def _workspace(_world: World, draft: Draft) -> Mapping[str, Any]:
    return {"customerId": draft.was("properties", "customerId") or str(uuid.uuid4())}


def _check_setting(world: World, draft: Draft) -> None:
    target = draft.id.rpartition("/providers/")[0]
    kind = (world.stored(target) or {}).get("type", "")
    if not any(draft.at("properties", it) for it in (*_DESTINATIONS, *_OTHER_DESTINATIONS)):
        draft.wrong(
            "properties", f"must have a destination: {', '.join((*_DESTINATIONS, *_OTHER_DESTINATIONS))}"
        )
    for name, (wanted, words) in _DESTINATIONS.items():
        given = draft.at("properties", name)
        if given and not _is(world, given, wanted):
            draft.wrong(f"properties.{name}", f"there is no {words} {given}")
    if not (draft.at("properties", "logs") or draft.at("properties", "metrics")):
        draft.wrong("properties", "must send logs or metrics")
    _check_logs(draft, kind)
    for where, it in draft.entries("properties", "metrics"):
        if it.get("category") not in (None, "AllMetrics"):
            draft.wrong(f"{where}.category", f"must be AllMetrics, not {it['category']!r}")
    _check_number(world, draft, target)


def _check_logs(draft: Draft, kind: str) -> None:
    for where, it in draft.entries("properties", "logs"):
        category, group = str(it.get("category") or ""), str(it.get("categoryGroup") or "")
        if bool(category) == bool(group):
            draft.wrong(where, "must have either category or categoryGroup")
        if group and group not in LOG_GROUPS:
            draft.wrong(
                f"{where}.categoryGroup", f"must be one of {', '.join(sorted(LOG_GROUPS))}, not {group!r}"
            )
        if category and kind in LOGS and category not in LOGS[kind]:
            known = ", ".join(sorted(LOGS[kind]))
            draft.wrong(f"{where}.category", f"{category!r} is no log of {kind}; it has {known}")


def _check_number(world: World, draft: Draft, target: str) -> None:
    prefix = f"{target}/providers/{_INSIGHTS}/diagnosticSettings/".lower()
    others = [key for key, _ in world.store.list("arm", prefix) if key != draft.id.lower()]
    if len(others) >= _MOST_SETTINGS:
        message = f"The limit of {_MOST_SETTINGS} diagnostic settings was reached for {target}."
        raise ArmError(400, "DiagnosticSettingsLimitReached", message)


def _is(world: World, resource_id: Any, kind: str) -> bool:  # noqa: ANN401 - JSON
    found = world.stored(str(resource_id))
    return found is not None and found["type"] == kind


def _check_group(_world: World, draft: Draft) -> None:
    for name in ("groupShortName", "enabled"):
        if draft.at("properties", name) is None:
            draft.wrong(f"properties.{name}", "is required by ActionGroup")
    names: list[str] = []
    for kind, its in draft.properties.items():
        if kind.endswith("Receivers") and isinstance(its, list):
            names += [str(it.get("name")).lower() for it in its if isinstance(it, dict)]
    for name in sorted({it for it in names if names.count(it) > 1}):
        draft.wrong("properties", f"has two receivers named {name}")
    for where, it in draft.entries("properties", "emailReceivers"):
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(it.get("emailAddress"))):
            draft.wrong(f"{where}.emailAddress", f"must be an e-mail address, not {it.get('emailAddress')!r}")


def _check_alert(world: World, draft: Draft) -> None:
    within(draft, "properties.severity", 0, 4)
    _check_times(draft)
    scopes = draft.at("properties", "scopes") or []
    if not scopes:
        draft.wrong("properties.scopes", "must name a resource")
    kinds = set()
    for n, scope in enumerate(scopes if isinstance(scopes, list) else []):
        found = world.stored(str(scope))
        if found is None:
            draft.wrong(f"properties.scopes[{n}]", f"there is no {scope}")
        else:
            kinds.add(found["type"])
    _check_criteria(draft, kinds)
    for where, it in draft.entries("properties", "actions"):
        if not _is(world, it.get("actionGroupId"), f"{_INSIGHTS}/actionGroups"):
            draft.wrong(f"{where}.actionGroupId", f"there is no action group {it.get('actionGroupId')}")


def _check_query_alert(world: World, draft: Draft) -> None:
    within(draft, "properties.severity", 0, 4)
    _check_times(draft)
    scopes = draft.at("properties", "scopes") or []
    for n, scope in enumerate(scopes if isinstance(scopes, list) else []):
        if world.stored(str(scope)) is None:
            draft.wrong(f"properties.scopes[{n}]", f"there is no {scope}")
    conditions = draft.entries("properties", "criteria", "allOf")
    for name, given in (("scopes", scopes), ("criteria.allOf", conditions)):
        if not given:
            draft.wrong(f"properties.{name}", "must not be empty")
    for where, it in conditions:
        if not str(it.get("query") or "").strip():
            draft.wrong(f"{where}.query", "must be a query")
    groups = draft.at("properties", "actions", "actionGroups") or []
    for n, group in enumerate(groups if isinstance(groups, list) else []):
        if not _is(world, group, f"{_INSIGHTS}/actionGroups"):
            draft.wrong(f"properties.actions.actionGroups[{n}]", f"there is no action group {group}")


def _check_times(draft: Draft) -> None:
    frequency = str(draft.at("properties", "evaluationFrequency"))
    window = str(draft.at("properties", "windowSize"))
    for name, given, known in (
        ("evaluationFrequency", frequency, _FREQUENCIES),
        ("windowSize", window, _WINDOWS),
    ):
        if draft.at("properties", name) is not None and given not in known:
            draft.wrong(f"properties.{name}", f"must be one of {', '.join(known)}, not {given!r}")
    if frequency in _FREQUENCIES and window in _WINDOWS and _WINDOWS[window] < _FREQUENCIES[frequency]:
        draft.wrong(
            "properties.windowSize", f"must be at least evaluationFrequency ({frequency}), not {window}"
        )


def _check_criteria(draft: Draft, kinds: set[str]) -> None:
    criteria = draft.entries("properties", "criteria", "allOf")
    if isinstance(draft.at("properties", "criteria"), dict) and not criteria:
        draft.wrong("properties.criteria.allOf", "must have a criterion")
    names = [str(it.get("name")) for _, it in criteria]
    for name in sorted({it for it in names if names.count(it) > 1}):
        draft.wrong("properties.criteria.allOf", f"has two criteria named {name!r}")
    for where, it in criteria:
        known = [METRICS[kind] for kind in kinds if kind in METRICS]
        if it.get("skipMetricValidation") or not known:
            continue
        if not any(it.get("metricName") in names for names in known):
            kind = ", ".join(sorted(kinds))
            draft.wrong(f"{where}.metricName", f"{it.get('metricName')!r} is no metric of {kind}")


WORKSPACE = ResourceType(
    type=_WORKSPACE,
    path=f"{GROUP}/providers/{_WORKSPACE}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_WORKSPACE}",
    versions=("2025-07-01", "2025-02-01", "2023-09-01"),
    shape=Published("azure.mgmt.loganalytics", "Workspace"),
    name=NameRule(
        re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]"), "4 to 63 letters, digits and hyphens"
    ),
    build=keep({"sku": {"name": "PerGB2018"}, "retentionInDays": 30}, _workspace),
    check=_check_workspace,
)
DIAGNOSTIC = ResourceType(
    type=f"{_INSIGHTS}/diagnosticSettings",
    path=f"{{*scope}}/providers/{_INSIGHTS}/diagnosticSettings/{{name}}",
    versions=("2021-05-01-preview",),
    shape=DIAGNOSTIC_SETTING,
    name=_NAME,
    build=keep(state=False),
    check=_check_setting,
    tagged=False,
    etag=False,
    created=200,
)
ACTION_GROUP = ResourceType(
    type=f"{_INSIGHTS}/actionGroups",
    path=f"{GROUP}/providers/{_INSIGHTS}/actionGroups/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_INSIGHTS}/actionGroups",
    versions=("2024-10-01-preview", "2023-01-01", "2022-06-01"),
    shape=Published(_MONITOR, "ActionGroupResource"),
    name=_NAME,
    build=keep(state=False),
    check=_check_group,
    etag=False,
)
METRIC_ALERT = ResourceType(
    type=f"{_INSIGHTS}/metricAlerts",
    path=f"{GROUP}/providers/{_INSIGHTS}/metricAlerts/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_INSIGHTS}/metricAlerts",
    versions=("2018-03-01",),
    shape=Published(_MONITOR, "MetricAlertResource"),
    name=_NAME,
    build=keep({"autoMitigate": True, "actions": []}, state=False),
    check=_check_alert,
    etag=False,
    created=200,
)
QUERY_ALERT = ResourceType(
    type=f"{_INSIGHTS}/scheduledQueryRules",
    path=f"{GROUP}/providers/{_INSIGHTS}/scheduledQueryRules/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_INSIGHTS}/scheduledQueryRules",
    versions=("2025-01-01-preview", "2023-12-01"),
    shape=Published(_MONITOR, "ScheduledQueryRuleResource"),
    name=_NAME,
    build=keep(state=False),
    check=_check_query_alert,
)
