"""The stand-in for aws-native as the engine sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.providers.aws_native import PLUGIN_NAME, PLUGIN_VERSION
from localcloud.providers.aws_native.table import KINDS
from localcloud.providers.boto.places import account_id, partition, region
from localcloud.providers.boto.plugin import BotoPlugin
from localcloud.providers.boto.session import Session


def made(session: Session | None = None) -> BotoPlugin:
    """The plugin; without a session it makes one of the settings that the engine sends."""
    return BotoPlugin(PLUGIN_NAME, PLUGIN_VERSION, KINDS, FUNCTIONS, session)


def _account(session: Session, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"accountId": account_id(session)}


def _partition(session: Session, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"partition": partition(region(session))[0]}


def _region(session: Session, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"region": region(session)}


FUNCTIONS = {
    "aws-native:index:getAccountId": _account,
    "aws-native:index:getPartition": _partition,
    "aws-native:index:getRegion": _region,
}
