"""The stand-in for aws as the engine sees it."""

from __future__ import annotations

from localcloud.providers.aws import PLUGIN_NAME, PLUGIN_VERSION
from localcloud.providers.aws.functions import FUNCTIONS
from localcloud.providers.aws.table import KINDS
from localcloud.providers.boto.plugin import BotoPlugin
from localcloud.providers.boto.session import Session


def made(session: Session | None = None) -> BotoPlugin:
    """The plugin; without a session it makes one of the settings that the engine sends."""
    return BotoPlugin(PLUGIN_NAME, PLUGIN_VERSION, KINDS, FUNCTIONS, session)
