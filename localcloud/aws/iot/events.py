"""Event configurations: which changes of the registry publish to `$aws/events/…`. One for the account.

UpdateEventConfigurations, DescribeEventConfigurations (botocore iot 2015-05-28). Off until switched on.
"""

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.named import subset
from localcloud.aws.place import Place

TYPES = (
    "THING",
    "THING_GROUP",
    "THING_TYPE",
    "THING_GROUP_MEMBERSHIP",
    "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION",
    "JOB",
    "JOB_EXECUTION",
    "POLICY",
    "CERTIFICATE",
    "CA_CERTIFICATE",
)
_KEY = "aws-event-configurations"


class Events:
    """What is switched on."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "UpdateEventConfigurations": self._update,
                "DescribeEventConfigurations": self._describe,
            }
        )

    def is_on(self, event_type: str) -> bool:
        """Whether changes of this type are published."""
        known = self._place.store.get(_KEY, _KEY) or {"on": []}
        return event_type in known["on"]

    def _update(self, params: Params) -> Params:
        now = self._place.now()
        known = self._place.store.get(_KEY, _KEY) or {"on": [], "creationDate": now}
        given = params.get("eventConfigurations", {})
        states = {name: name in known["on"] for name in TYPES}
        states |= {name: it.get("Enabled", False) for name, it in given.items()}
        on = [name for name in TYPES if states[name]]
        self._place.store.put(_KEY, _KEY, {**known, "on": on, "lastModifiedDate": now})
        return {}

    def _describe(self, _params: Params) -> Params:
        known = self._place.store.get(_KEY, _KEY) or {"on": []}
        times = subset(known, ("creationDate", "lastModifiedDate"))
        return {"eventConfigurations": {name: {"Enabled": name in known["on"]} for name in TYPES}, **times}
