"""The account's audit configuration, and its scheduled audits.

Operations of botocore's iot 2015-05-28. docs.aws.amazon.com/iot/latest/developerguide/AuditCommands.html: all
checks are off at first, the first update needs a role and a check that is on, and a check of a scheduled
audit cannot be switched off. Thresholds are 30 to 3652 days (device-certificate-age-check.html and
audit-chk-device-cert-approaching-expiration.html). Five scheduled audits (AWS IoT Device Defender quotas).
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot import audit_schedule
from localcloud.aws.iot.audit_checks import CHECKS
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid, limited
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

MOST_SCHEDULED = 5
_KEY = "aws-audit-configuration"
_NOUN = Noun("aws-scheduled-audit", "Scheduled audit", "scheduledaudit")
_SETTINGS = {
    "DEVICE_CERTIFICATE_AGE_CHECK": "CERT_AGE_THRESHOLD_IN_DAYS",
    "DEVICE_CERTIFICATE_EXPIRING_CHECK": "CERT_EXPIRATION_THRESHOLD_IN_DAYS",
}
_THRESHOLD_DAYS = range(30, 3653)
_WHEN = ("frequency", "dayOfMonth", "dayOfWeek")
_LISTED = ("scheduledAuditName", "scheduledAuditArn", *_WHEN)


class AuditSettings:
    """Which checks are on, whom to tell, and what runs by itself."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._scheduled = Named(place, tags, _NOUN)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "UpdateAccountAuditConfiguration": self._update,
                "DescribeAccountAuditConfiguration": self._describe,
                "DeleteAccountAuditConfiguration": self._delete,
                "CreateScheduledAudit": self._create_scheduled,
                "UpdateScheduledAudit": self._update_scheduled,
                "DescribeScheduledAudit": self._describe_scheduled,
                "ListScheduledAudits": self._list_scheduled,
                "DeleteScheduledAudit": self._delete_scheduled,
            }
        )

    def check_enabled(self, names: list[str]) -> None:
        """These checks are on. Raises ApiError."""
        known = self._known()["auditCheckConfigurations"]
        if not names:
            raise invalid("targetCheckNames needs a check at least.")
        for name in names:
            _check_name(name)
            if not known.get(name, {}).get("enabled"):
                raise invalid(f"The check {name} is not enabled in this account.")

    def settings_of(self, name: str) -> Mapping[str, str]:
        """A check's thresholds."""
        found: Mapping[str, str] = (
            self._known()["auditCheckConfigurations"].get(name, {}).get("configuration", {})
        )
        return found

    def notification(self) -> Params | None:
        """targetArn and roleArn of whom to tell; None for nobody."""
        target: Params | None = self._known()["auditNotificationTargetConfigurations"].get("SNS")
        return target if target and target.get("enabled") and "targetArn" in target else None

    def due(self) -> list[Document]:
        """Scheduled audits whose time has come, and which take this for their last run."""
        now = self._place.clock.now()
        found = [it for it in self._scheduled.all() if _next(it) <= now]
        for it in found:
            self._scheduled.put(it["scheduledAuditName"], {**it, "lastRun": now.timestamp()})
        return found

    def _known(self) -> Document:
        found = self._place.store.get(_KEY, _KEY) or {}
        return {"auditCheckConfigurations": {}, "auditNotificationTargetConfigurations": {}, **found}

    def _update(self, params: Params) -> Params:
        known = self._known()
        for name, it in params.get("auditCheckConfigurations", {}).items():
            _check_name(name)
            _check_threshold(name, it.get("configuration", {}))
            self._check_not_scheduled(name, it.get("enabled", False))
            known["auditCheckConfigurations"][name] = {"enabled": False, **it}
        for target in params.get("auditNotificationTargetConfigurations", {}).values():
            _check_target(target)
        known["auditNotificationTargetConfigurations"] |= params.get(
            "auditNotificationTargetConfigurations", {}
        )
        role = params.get("roleArn", known.get("roleArn"))
        if role is None:
            raise invalid("roleArn is required the first time that audits are configured.")
        known["roleArn"] = checked_role(role)
        if not any(it["enabled"] for it in known["auditCheckConfigurations"].values()):
            raise invalid("At least one check must be enabled.")
        self._place.store.put(_KEY, _KEY, known)
        return {}

    def _check_not_scheduled(self, name: str, enabled: bool) -> None:
        users = [it["scheduledAuditName"] for it in self._scheduled.all() if name in it["targetCheckNames"]]
        if users and not enabled:
            raise invalid(f"The check {name} is used by the scheduled audits {', '.join(users)}.")

    def _describe(self, _params: Params) -> Params:
        known = self._known()
        checks = {name: {"enabled": False} for name in CHECKS} | known["auditCheckConfigurations"]
        return {**known, "auditCheckConfigurations": checks}

    def _delete(self, params: Params) -> Params:
        if self._place.store.get(_KEY, _KEY) is None:
            raise ApiError("ResourceNotFoundException", "Audits are not configured in this account.")
        scheduled = self._scheduled.all()
        if scheduled and not params.get("deleteScheduledAudits"):
            raise invalid("There are scheduled audits: deleteScheduledAudits deletes them too.")
        with self._place.store.transaction():
            for it in scheduled:
                self._scheduled.remove(it["scheduledAuditName"])
            self._place.store.delete(_KEY, _KEY)
        return {}

    def _create_scheduled(self, params: Params) -> Params:
        name = params["scheduledAuditName"]
        self._check_scheduled(params)
        if self._scheduled.find(name) is None and len(self._scheduled.all()) >= MOST_SCHEDULED:
            raise limited(f"An account has {MOST_SCHEDULED} scheduled audits at most.")
        document = {
            "scheduledAuditArn": self._scheduled.arn(name),
            **subset(params, ("scheduledAuditName", "targetCheckNames", *_WHEN)),
        }
        made = self._scheduled.create(name, document, params.get("tags", []))
        return subset(made, ("scheduledAuditArn",))

    def _update_scheduled(self, params: Params) -> Params:
        known = self._scheduled.get(params["scheduledAuditName"])
        given = subset(params, ("targetCheckNames", *_WHEN))
        if "frequency" in given:  # what a new frequency does not say, it does not take over from the old one
            known = {key: it for key, it in known.items() if key not in _WHEN}
        merged = {**known, **given}
        self._check_scheduled(merged)
        self._scheduled.put(params["scheduledAuditName"], merged)
        return subset(merged, ("scheduledAuditArn",))

    def _check_scheduled(self, document: Document) -> None:
        words = audit_schedule.fault(document)
        if words:
            raise invalid(words)
        self.check_enabled(document["targetCheckNames"])

    def _describe_scheduled(self, params: Params) -> Params:
        known = self._scheduled.get(params["scheduledAuditName"])
        return subset(known, (*_LISTED, "targetCheckNames"))

    def _list_scheduled(self, params: Params) -> Params:
        found = [subset(it, _LISTED) for it in self._scheduled.all()]
        return page("scheduledAudits", found, lambda it: str(it["scheduledAuditName"]), params)

    def _delete_scheduled(self, params: Params) -> Params:
        self._scheduled.remove(params["scheduledAuditName"])
        return {}


def _next(known: Document) -> datetime:
    last = datetime.fromtimestamp(float(known.get("lastRun") or known["creationDate"]), UTC)
    return audit_schedule.next_due(known, last, has_run="lastRun" in known)


def _check_name(name: str) -> None:
    if name not in CHECKS:
        raise invalid(f"{name} is no audit check; those are {', '.join(CHECKS)}.")


def _check_threshold(name: str, settings: Mapping[str, str]) -> None:
    for key, value in settings.items():
        if _SETTINGS.get(name) != key:
            raise invalid(f"The check {name} has no setting {key}.")
        if not value.isdecimal() or int(value) not in _THRESHOLD_DAYS:
            raise invalid(
                f"{key} is {_THRESHOLD_DAYS.start} to {_THRESHOLD_DAYS.stop - 1} days, not {value}."
            )


def _check_target(target: Params) -> None:
    if not target.get("enabled"):
        return
    if not str(target.get("targetArn", "")).startswith("arn:aws:sns:"):
        raise invalid("targetArn of audit notifications must be an SNS topic's.")
    checked_role(target.get("roleArn", ""))
