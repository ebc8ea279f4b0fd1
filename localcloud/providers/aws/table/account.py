"""What an account has once in a region: events, the index, logging."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from localcloud.providers.boto.calls import Singleton, Wish
from localcloud.providers.boto.codecs import FLAG
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Coded, MapOf, Shape
from localcloud.providers.wire import Data


def _switches(model: Shape) -> Shape:
    """Flags by name for objects of one flag."""
    assert isinstance(model, MapOf)

    def to(value: Data) -> Data:
        return {name: {"Enabled": it} for name, it in value.items()}

    def back(value: Data) -> Data:
        return {name: bool(it.get("Enabled")) for name, it in value.items()}

    return Coded(replace(model, item=FLAG), to, back)


@dataclass(frozen=True)
class Logging(Singleton):
    """Logging: an account that never had any answers with an error."""

    def read(self, to: Context, identity: str, inputs: Wish) -> dict[str, Any] | None:
        """As it is; None where it was never set."""
        try:
            return super().read(to, identity, inputs)
        except CloudRefused as refused:
            if refused.code == "NotConfiguredException":
                return None
            raise


_MODES = (
    "deviceDefenderIndexingMode",
    "namedShadowIndexingMode",
    "thingConnectivityIndexingMode",
)
KINDS = (
    Kind(
        "aws:iot/eventConfigurations:EventConfigurations",
        "iot",
        "update_event_configurations",
        {"eventConfigurations": Property("eventConfigurations", how=_switches, required=True)},
        {},
        Singleton("update_event_configurations", "describe_event_configurations"),
        name="",
    ),
    Kind(
        "aws:iot/indexingConfiguration:IndexingConfiguration",
        "iot",
        "update_indexing_configuration",
        {
            "thingIndexingConfiguration": Property("thingIndexingConfiguration", computed=True),
            "thingGroupIndexingConfiguration": Property("thingGroupIndexingConfiguration", computed=True),
        },
        {},
        Singleton("update_indexing_configuration", "get_indexing_configuration"),
        name="",
        absent=frozenset(
            {
                "thingIndexingConfiguration.filter.connectivity",
                "thingIndexingConfiguration.filter.geoLocations",
            }
        ),
        usual={
            "thingIndexingConfiguration": {
                **dict.fromkeys(_MODES, "OFF"),
                "customFields": None,
                "filter": None,
            },
            "thingGroupIndexingConfiguration": {"customFields": None},
        },
        sets=frozenset(
            f"{place}.{fields}"
            for place in ("thingIndexingConfiguration", "thingGroupIndexingConfiguration")
            for fields in ("customFields", "managedFields", "filter.namedShadowNames")
        ),
    ),
    Kind(
        "aws:iot/loggingOptions:LoggingOptions",
        "iot",
        "set_v2_logging_options",
        {
            "defaultLogLevel": Property("defaultLogLevel", required=True),
            "disableAllLogs": Property("disableAllLogs", default=False),
            "roleArn": Property("roleArn", required=True),
        },
        {},
        Logging("set_v2_logging_options", "get_v2_logging_options"),
        name="",
    ),
)
