"""Whether AWS IoT refused a device, or only was out of reach. No IO, no SDK.

AWS does not say no in words. A certificate that is inactive, revoked or unknown ends the TLS handshake or the
connection right behind it, and so does a CONNECT that the policy does not allow ("Diagnosing connectivity
issues"). The first connection of a certificate that is provisioned just in time ends the same way, while it
is being registered ("Just-in-time registration": the device has to connect again). A network that drops a
connection looks no different. So one such end is taken as an outage, which is tried again soon; several in a
row, while the endpoint can be reached, are a no. The same goes for a request that a policy does not allow:
AWS ends the connection, or refuses the subscription to its answers.
"""

from agent.errors import CloudError, RefusedError, UnavailableError

NOT_NEGOTIATED = "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE"
"""TLS 1.2: an alert; or we do not trust the server, which `agent.aws.connection` tells apart."""

AMBIGUOUS = frozenset(
    {
        "AWS_ERROR_MQTT_PROTOCOL_ERROR",  # CONNACK with a code that is not 0
        "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
        "AWS_IO_SOCKET_CLOSED",
        NOT_NEGOTIATED,
        "AWS_IO_TLS_ERROR_READ_FAILURE",  # TLS 1.3: an alert after the handshake
        "AWS_IO_TLS_ALERT_NOT_GRACEFUL",
        "AWS_ERROR_MQTT_REQUEST_RESPONSE_SUBSCRIBE_FAILURE",  # SUBACK with a failure, for an answer
    }
)
"""What awscrt calls it when the other side ends a connection, or does not want a request."""

REFUSED_AFTER = 3
"""So many in a row are a no."""

REFUSED_AFTER_JUST_IN_TIME = 8
"""The same before a certificate that is registered just in time was ever accepted: with the delays of
`agent.backoff` about a minute, in which a rule and a function of the account have to do their work."""


CONNECTING = (
    "before it accepted one",
    "the certificate is not active or not known there, or its policy does not allow this client id",
)
ASKING = (
    "instead of an answer",
    "the claim is not active any more, or its policy does not allow this provisioning template",
)
"""When the connections were ended, and what that may mean."""


class Doubt:
    """Counts connections that were ended `when` they should not. With `first` so many are borne before the
    first success.
    """

    def __init__(
        self,
        refused_after: int = REFUSED_AFTER,
        first: int | None = None,
        when: tuple[str, str] = CONNECTING,
    ) -> None:
        self._refused_after = refused_after
        self._when, self._meaning = when
        self._limit = first or refused_after
        self._ended = 0

    def accepted(self) -> None:
        """A connection was accepted: what happened before says nothing any more."""
        self._limit = self._refused_after
        self._ended = 0

    def judge(self, name: str, words: str) -> CloudError:
        """What an attempt that failed means; `name` is the SDK's for the error."""
        if name not in AMBIGUOUS:
            return UnavailableError(words)
        self._ended += 1
        if self._ended < self._limit:
            return UnavailableError(words)
        return RefusedError(
            f"the endpoint ended {self._ended} connections in a row {self._when} ({words}): {self._meaning}"
        )


def answer_error(what: str, status: int | None, code: str | None, message: str | None) -> CloudError:
    """What AWS answered to a request, as the error it means: a 4xx is a no unless it only says: later."""
    words = f"AWS IoT {what}: {status or 'no status'} {code or ''} {message or ''}".strip()
    is_refused = status is not None and 400 <= status < 500 and status not in (408, 429)
    return RefusedError(words) if is_refused else UnavailableError(words)
