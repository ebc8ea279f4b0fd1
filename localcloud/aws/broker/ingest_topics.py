"""Basic Ingest: `$aws/rules/{rule}/{topic}` goes to one rule, and to no subscriber.

Source: "Reducing messaging costs with Basic Ingest" (AWS IoT developer guide). The rule sees the topic
without the first three levels.
"""

from localcloud.aws.broker.connection import Connection
from localcloud.aws.broker.limits import BASIC_INGEST
from localcloud.aws.broker.sessions import Posted
from localcloud.aws.iot.rules import Rules


class IngestTopics:
    """Messages for rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def handle(self, _: Connection | None, message: Posted) -> bool:
        """Hand it to its rule; False when the topic is none of these."""
        found = BASIC_INGEST.fullmatch(message.topic)
        if found is None:
            return False
        self._rules.ingest(found[1], found[2], message.payload, message.client_id, message.principal)
        return True
