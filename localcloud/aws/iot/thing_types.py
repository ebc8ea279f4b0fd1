"""Thing types: immutable names, deprecated before they are deleted.

AWS lets a type go five minutes after it was deprecated ("Deprecate a thing type", AWS IoT developer guide);
here it goes at once, as every test and every `destroy` would wait for nothing.
"""

import uuid
from typing import Any

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import exists_already, invalid, not_found
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place

_TYPES = "aws-thing-type"
_IN_USE = "aws-thing-of-type"
SEARCHABLE = 3


class ThingTypes:
    """Types by name."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._tags = tags

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "CreateThingType": self._create,
                "DescribeThingType": self._describe,
                "UpdateThingType": self._update,
                "DeprecateThingType": self._deprecate,
                "DeleteThingType": self._delete,
                "ListThingTypes": self._list,
            }
        )

    def get(self, name: str) -> dict[str, Any] | None:
        """A type as DescribeThingType tells it."""
        return self._place.store.get(_TYPES, name)

    def check_usable(self, name: str) -> None:
        """New things may have this type. Raises ApiError."""
        if self.require(name)["thingTypeMetadata"]["deprecated"]:
            raise invalid(f"Thing type {name} is deprecated: no new things can be associated with it.")

    def require(self, name: str) -> dict[str, Any]:
        """A type that is there. Raises ApiError."""
        found = self.get(name)
        if found is None:
            raise not_found("Thing type", name)
        return found

    def use(self, name: str | None, thing: str) -> None:
        """A thing has this type from now on."""
        if name:
            self._place.store.put(_IN_USE, f"{name}/{thing}", {})

    def leave(self, name: str | None, thing: str) -> None:
        """It has it no longer."""
        if name:
            self._place.store.delete(_IN_USE, f"{name}/{thing}")

    def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params["thingTypeName"]
        properties = _checked(params.get("thingTypeProperties") or {})
        known = self.get(name)
        if known and known["thingTypeProperties"] != properties:
            raise exists_already("Thing type", name, known["thingTypeArn"], known["thingTypeId"])
        if known is None:
            known = self._new(name, properties)
            self._tags.put(known["thingTypeArn"], params.get("tags") or [])
            self._place.store.put(_TYPES, name, known)
        return {key: known[key] for key in ("thingTypeName", "thingTypeArn", "thingTypeId")}

    def _new(self, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "thingTypeName": name,
            "thingTypeId": str(uuid.uuid4()),
            "thingTypeArn": self._place.arn(f"thingtype/{name}"),
            "thingTypeProperties": properties,
            "thingTypeMetadata": {"deprecated": False, "creationDate": self._place.now()},
        }

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        return self.require(params["thingTypeName"])

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        """Whether more than MQTT 5 settings may change is not documented: it may not."""
        known = self.require(params["thingTypeName"])
        given = params.get("thingTypeProperties") or {}
        for name in ("thingTypeDescription", "searchableAttributes"):
            if name in given and given[name] != known["thingTypeProperties"].get(name):
                raise invalid(f"{name} of a thing type cannot be changed.")
        known["thingTypeProperties"] = {**known["thingTypeProperties"], **given}
        self._place.store.put(_TYPES, known["thingTypeName"], known)
        return {}

    def _deprecate(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["thingTypeName"])
        about = known["thingTypeMetadata"]
        about["deprecated"] = not params.get("undoDeprecate", False)
        about.pop("deprecationDate", None)
        if about["deprecated"]:
            about["deprecationDate"] = self._place.now()
        self._place.store.put(_TYPES, known["thingTypeName"], known)
        return {}

    def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params["thingTypeName"]
        known = self.require(name)
        if not known["thingTypeMetadata"]["deprecated"]:
            raise invalid(f"Cannot delete thing type {name}: it is not deprecated. Deprecate it first.")
        if self._place.store.page(_IN_USE, f"{name}/", "", 1):
            raise invalid(f"Cannot delete thing type {name}: there are things of this type.")
        self._place.store.delete(_TYPES, name)
        self._tags.forget(known["thingTypeArn"])
        return {}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("thingTypeName")
        found = [it for name, it in self._place.store.list(_TYPES) if wanted in (None, name)]
        shown = [{key: it for key, it in one.items() if key != "thingTypeId"} for one in found]
        return page("thingTypes", shown, lambda it: str(it["thingTypeName"]), params)


def _checked(properties: dict[str, Any]) -> dict[str, Any]:
    searchable = properties.get("searchableAttributes") or []
    if len(searchable) > SEARCHABLE:
        raise invalid(f"A thing type has at most {SEARCHABLE} searchable attributes.")
    return properties
