"""AWS IoT's logging options, one set for the account: version 2 and the older call.

Operations of botocore's iot 2015-05-28. They are kept and told; what the local cloud's services do is in its
own log (cloud.log), whatever the level here. Until options are set the account has none: GetV2LoggingOptions
answers NotConfiguredException, as its model says.
"""

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.named import subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.place import Place
from localcloud.store import Document

_OPTIONS = "aws-logging"
_LEVELS = "aws-logging-level"


class Logging:
    """The options, and levels of targets."""

    def __init__(self, place: Place) -> None:
        self._store = place.store

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "SetV2LoggingOptions": self._set,
                "GetV2LoggingOptions": self._get,
                "SetV2LoggingLevel": self._set_level,
                "ListV2LoggingLevels": self._list_levels,
                "DeleteV2LoggingLevel": self._delete_level,
                "SetLoggingOptions": self._set_old,
                "GetLoggingOptions": self._get_old,
            }
        )

    def is_on(self) -> bool:
        """Whether anything is logged at all."""
        known = self._store.get(_OPTIONS, _OPTIONS)
        return known is not None and not known["disableAllLogs"] and known["defaultLogLevel"] != "DISABLED"

    def switch_on(self, role_arn: str, level: str) -> None:
        """What a mitigation action does."""
        known = self._store.get(_OPTIONS, _OPTIONS) or {}
        self._store.put(
            _OPTIONS,
            _OPTIONS,
            {**known, "roleArn": role_arn, "defaultLogLevel": level, "disableAllLogs": False},
        )

    def _set(self, params: Params) -> Params:
        known = self._store.get(_OPTIONS, _OPTIONS) or {
            "disableAllLogs": False,
            "defaultLogLevel": "DISABLED",
        }
        merged = {**known, **params}
        if not merged.get("roleArn"):
            raise invalid("roleArn is required the first time that logging options are set.")
        checked_role(merged["roleArn"])
        self._store.put(_OPTIONS, _OPTIONS, merged)
        return {}

    def _get(self, params: Params) -> Params:
        members = ["roleArn", "defaultLogLevel", "disableAllLogs"]
        return subset(self._known(), [*members, "eventConfigurations"] if params.get("verbose") else members)

    def _set_old(self, params: Params) -> Params:
        given = params["loggingOptionsPayload"]
        self.switch_on(checked_role(given["roleArn"]), given.get("logLevel", "DISABLED"))
        return {}

    def _get_old(self, _params: Params) -> Params:
        known = self._store.get(_OPTIONS, _OPTIONS) or {}
        level = known.get("defaultLogLevel", "DISABLED")
        return {"logLevel": level, **subset(known, ("roleArn",))}

    def _set_level(self, params: Params) -> Params:
        self._known()
        target = params["logTarget"]
        if (target["targetType"] == "DEFAULT") == ("targetName" in target):
            raise invalid("A log target has a targetName, and DEFAULT has none.")
        document = {"logTarget": target, "logLevel": params["logLevel"]}
        self._store.put(_LEVELS, _key(target), document)
        return {}

    def _list_levels(self, params: Params) -> Params:
        self._known()
        wanted = params.get("targetType")
        kept = [it for _, it in self._store.list(_LEVELS)]
        found = [it for it in kept if wanted in (None, it["logTarget"]["targetType"])]
        return page("logTargetConfigurations", found, lambda it: _key(it["logTarget"]), params)

    def _delete_level(self, params: Params) -> Params:
        self._store.delete(_LEVELS, _key(params))
        return {}

    def _known(self) -> Document:
        known = self._store.get(_OPTIONS, _OPTIONS)
        if known is None:
            raise ApiError("NotConfiguredException", "Logging options were never set in this account.")
        return known


def _key(target: Params) -> str:
    return f"{target['targetType']}/{target.get('targetName', '')}"
