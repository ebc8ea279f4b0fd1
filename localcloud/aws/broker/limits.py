"""AWS' limits on topics and messages. Pure.

Source: "AWS IoT Core message broker and protocol limits and quotas" (AWS general reference) and "Reserved
topics" (developer guide): payload 128 KB, topic 256 bytes and 7 slashes, 8 filters a SUBSCRIBE and 50 a
connection, client id 128 bytes. Basic Ingest's `$aws/rules/{rule}/` does not count.
"""

import re

LARGEST_PAYLOAD_BYTES = 128 * 1024
LONGEST_TOPIC_BYTES = 256
MOST_SLASHES = 7
MOST_SUBSCRIPTIONS = 50
MOST_UNACKNOWLEDGED = 100
LONGEST_CLIENT_ID_BYTES = 128
BASIC_INGEST = re.compile(r"\$aws/rules/([a-zA-Z0-9_]{1,128})/(.+)", re.DOTALL)
RESERVED = "$aws/"


def topic_fault(topic: str) -> str | None:
    """What is wrong with a topic or filter; None when nothing is."""
    ingest = BASIC_INGEST.fullmatch(topic)
    counted = ingest[2] if ingest else topic
    if len(counted.encode()) > LONGEST_TOPIC_BYTES:
        return f"the topic is longer than {LONGEST_TOPIC_BYTES} bytes"
    if counted.count("/") > MOST_SLASHES:
        return f"the topic has more than {MOST_SLASHES} slashes"
    return None


def client_id_fault(client_id: str) -> str | None:
    """What is wrong with a client id; None when nothing is."""
    if not client_id:
        return "the client id is empty"
    if len(client_id.encode()) > LONGEST_CLIENT_ID_BYTES:
        return f"the client id is longer than {LONGEST_CLIENT_ID_BYTES} bytes"
    return None
