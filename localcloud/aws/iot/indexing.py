"""The fleet indexing configuration: one for the account. What is searched is the index's own matter.

UpdateIndexingConfiguration, GetIndexingConfiguration (botocore iot 2015-05-28);
docs.aws.amazon.com/iot/latest/developerguide/managing-index.html: connectivity, violations and named
shadows are indexed only where the registry is, named shadows only those that the filter names, and at most
five custom fields are kept for things and for groups.
"""

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.place import Place

MOST_CUSTOM_FIELDS = 5
_KEY = "aws-indexing"
_OFF: Params = {
    "thingIndexingConfiguration": {
        "thingIndexingMode": "OFF",
        "thingConnectivityIndexingMode": "OFF",
        "deviceDefenderIndexingMode": "OFF",
        "namedShadowIndexingMode": "OFF",
    },
    "thingGroupIndexingConfiguration": {"thingGroupIndexingMode": "OFF"},
}
_BESIDE = ("thingConnectivityIndexingMode", "deviceDefenderIndexingMode", "namedShadowIndexingMode")


class IndexingConfiguration:
    """What is indexed."""

    def __init__(self, place: Place) -> None:
        self._store = place.store

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "UpdateIndexingConfiguration": self._update,
                "GetIndexingConfiguration": lambda _params: self.get(),
            }
        )

    def get(self) -> Params:
        """The configuration, with both its parts."""
        return {**_OFF, **(self._store.get(_KEY, _KEY) or {})}

    @property
    def indexes_things(self) -> bool:
        """Whether AWS_Things can be searched."""
        return bool(self.get()["thingIndexingConfiguration"]["thingIndexingMode"] != "OFF")

    @property
    def indexes_groups(self) -> bool:
        """Whether AWS_ThingGroups can be searched."""
        return bool(self.get()["thingGroupIndexingConfiguration"]["thingGroupIndexingMode"] != "OFF")

    def _update(self, params: Params) -> Params:
        if not params:
            raise invalid("UpdateIndexingConfiguration needs a configuration of things or of thing groups.")
        for part in params.values():
            _check_fields(part)
        things = params.get("thingIndexingConfiguration")
        kept = self.get()
        if things is not None:
            _check_things(things)
            kept["thingIndexingConfiguration"] = {**_OFF["thingIndexingConfiguration"], **things}
        if "thingGroupIndexingConfiguration" in params:
            kept["thingGroupIndexingConfiguration"] = params["thingGroupIndexingConfiguration"]
        self._store.put(_KEY, _KEY, kept)
        return {}


def _check_things(things: Params) -> None:
    if things["thingIndexingMode"] == "OFF":
        on = [name for name in _BESIDE if things.get(name, "OFF") != "OFF"]
        if on:
            raise invalid(f"{', '.join(on)} needs a thingIndexingMode that is not OFF.")
    names = things.get("filter", {}).get("namedShadowNames", [])
    if names and things.get("namedShadowIndexingMode", "OFF") == "OFF":
        raise invalid("filter.namedShadowNames needs namedShadowIndexingMode ON.")


def _check_fields(part: Params) -> None:
    """Managed fields are told, not chosen; custom fields are few and have a type and a name."""
    if part.get("managedFields"):
        raise invalid("managedFields are set by the service.")
    custom = part.get("customFields", [])
    if len(custom) > MOST_CUSTOM_FIELDS:
        raise invalid(f"customFields has {MOST_CUSTOM_FIELDS} fields at most, not {len(custom)}.")
    for field in custom:
        if not field.get("name") or not field.get("type"):
            raise invalid("A custom field needs a name and a type.")
