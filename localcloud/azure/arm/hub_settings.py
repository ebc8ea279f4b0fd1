"""What a hub's settings may be, beyond the shape of the published model (iothub.json 2023-06-30).

Partitions, retention and TLS: descriptions of EventHubProperties and IotHubProperties there. Times: "Send
cloud-to-device messages from an IoT hub" and "Upload files with IoT Hub". Address rules: "Use IP filters".
All are pages of learn.microsoft.com/azure/iot-hub.
"""

import ipaddress
import re
from typing import Any

from localcloud.azure.arm.kept import fixed, within
from localcloud.azure.arm.resources import Draft, World
from localcloud.azure.arm.routing import check_reach
from localcloud.azure.arm.storage import ZONE as BLOBS

EVENTS = ("properties", "eventHubEndpoints", "events")
_MINUTE, _DAY = 60, 86400
# Settings that are durations, with the least and the most seconds
_TIMES = {
    "properties.cloudToDevice.defaultTtlAsIso8601": (_MINUTE, 2 * _DAY),
    "properties.cloudToDevice.feedback.ttlAsIso8601": (_MINUTE, 2 * _DAY),
    "properties.cloudToDevice.feedback.lockDurationAsIso8601": (5, 300),
    "properties.messagingEndpoints.fileNotifications.ttlAsIso8601": (_MINUTE, 2 * _DAY),
    "properties.messagingEndpoints.fileNotifications.lockDurationAsIso8601": (5, 300),
    "properties.storageEndpoints.$default.sasTtlAsIso8601": (_MINUTE, _DAY),
}
_ONLY_KEYS = {
    "eventHubEndpoints": "events",
    "messagingEndpoints": "fileNotifications",
    "storageEndpoints": "$default",
}
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_RULE_NAME = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;']{1,128}")


def check_settings(world: World, draft: Draft) -> None:
    """Add a fault for each setting that the service would not take."""
    _check_keys(draft)
    _check_events(draft)
    _check_times(draft)
    _check_upload(world, draft)
    _check_addresses(draft, ("properties", "ipFilterRules"))
    _check_addresses(draft, ("properties", "networkRuleSets", "ipRules"))
    version = draft.at("properties", "minTlsVersion")
    if isinstance(version, str) and version != "1.2":
        draft.wrong("properties.minTlsVersion", f"must be 1.2 or left out, not {version!r}")


def _check_keys(draft: Draft) -> None:
    for name, only in _ONLY_KEYS.items():
        given = draft.at("properties", name)
        for key in sorted(given.keys() - {only}) if isinstance(given, dict) else ():
            draft.wrong(f"properties.{name}.{key}", f"is not known; the only one is {only}")


def _check_events(draft: Draft) -> None:
    """The number of partitions is fixed when the hub is made."""
    where = ".".join(EVENTS)
    free = draft.at("sku", "name") == "F1"
    within(draft, f"{where}.retentionTimeInDays", 1, 1 if free else 7, "days")
    within(draft, f"{where}.partitionCount", 2, 2 if free else 128)
    fixed(draft, f"{where}.partitionCount")


def _check_times(draft: Draft) -> None:
    for where, (least, most) in _TIMES.items():
        text = draft.at(*where.split("."))
        if not isinstance(text, str):
            continue
        seconds = seconds_of(text)
        if seconds is None:
            draft.wrong(where, f"must be an ISO 8601 duration such as PT1H, not {text!r}")
        elif not least <= seconds <= most:
            draft.wrong(where, f"must be {least} to {most} seconds, not {text}")


def seconds_of(text: str) -> float | None:
    """The seconds of an ISO 8601 duration of days and less, None when it is none."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (float(it or 0) for it in found.groups())
    return days * _DAY + hours * 3600 + minutes * 60 + seconds


def _check_upload(world: World, draft: Draft) -> None:
    """File upload: by identity, to a container of the account that the connection string names."""
    where = "properties.storageEndpoints.$default"
    given = draft.at("properties", "storageEndpoints", "$default")
    wanted = draft.at("properties", "enableFileUploadNotifications")
    account = account_of(given.get("connectionString")) if isinstance(given, dict) else None
    if account is None:
        if isinstance(given, dict) and given.get("containerName"):
            draft.wrong(
                f"{where}.connectionString",
                "must name the account: DefaultEndpointsProtocol=https;AccountName=…",
            )
        elif wanted:
            draft.wrong("properties.enableFileUploadNotifications", f"needs {where}, where files go")
        return
    if "AccountKey" in given["connectionString"]:
        draft.wrong(f"{where}.connectionString", "must hold no key: the local cloud serves none here")
    entry = {**given, "endpointUri": f"https://{account}.{BLOBS}"}
    check_reach(world, draft, where, entry, "storageContainers")


def account_of(text: Any) -> str | None:  # noqa: ANN401 - JSON
    """The storage account that a connection string names."""
    parts = dict(it.partition("=")[::2] for it in str(text or "").split(";"))
    return parts.get("AccountName") or None


def _check_addresses(draft: Draft, path: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for where, rule in draft.entries(*path):
        name = str(rule.get("filterName"))
        if not _RULE_NAME.fullmatch(name):
            draft.wrong(
                f"{where}.filterName",
                f"must have 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; ', not {name!r}",
            )
        if name.lower() in seen:
            draft.wrong(f"{where}.filterName", f"{name!r} is the name of another rule")
        seen.add(name.lower())
        try:
            ipaddress.IPv4Network(str(rule.get("ipMask")))
        except ValueError:
            draft.wrong(
                f"{where}.ipMask",
                f"must be an IPv4 address or range such as 192.0.2.0/24, not {rule.get('ipMask')!r}",
            )
