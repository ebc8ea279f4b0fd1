"""One connection of a thing: its shadow as the twin, and its telemetry. What `agent.azure` is for a hub."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from awsiot import iotshadow  # type: ignore[import-untyped]  # the SDK has no types

from agent.aws.connection import QOS, Connection
from agent.aws.doubt import Doubt, answer_error
from agent.aws.options import AwsOptions
from agent.aws.shadow import Desired
from agent.credentials import Certificate
from agent.errors import CloudError, UnavailableError
from agent.options import Options
from agent.twin import Json

_NOT_FOUND = 404
"""A thing without a shadow: "Device Shadow error messages"."""


class AwsHub:
    """One connection of one thing; made new for every attempt, closed once."""

    def __init__(
        self, options: Options, aws: AwsOptions, credential: Certificate, thing: str, doubt: Doubt
    ) -> None:
        self._thing = thing
        self._topic = aws.telemetry(thing)
        self._connection = Connection(options, aws, credential, thing, doubt)
        self._shadow: Any = iotshadow.IotShadowClient(self._connection.mqtt)
        self._desired = Desired()
        self._tell: Callable[[Json], None] = lambda _: None
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Any]] = {}

    def connect(self, lost: Callable[[str], None], desired: Callable[[Json], None]) -> None:
        """Connect and subscribe to the shadow; from then on call `lost` and `desired`."""
        self._tell = desired
        self._connection.open(lost)
        shadow, named = self._shadow, {"thing_name": self._thing}
        get, update = iotshadow.GetShadowSubscriptionRequest, iotshadow.UpdateShadowSubscriptionRequest
        documents = iotshadow.ShadowUpdatedSubscriptionRequest
        subscribed = [
            shadow.subscribe_to_get_shadow_accepted(get(**named), QOS, self._answered),
            shadow.subscribe_to_get_shadow_rejected(get(**named), QOS, self._answered),
            shadow.subscribe_to_update_shadow_accepted(update(**named), QOS, self._answered),
            shadow.subscribe_to_update_shadow_rejected(update(**named), QOS, self._answered),
            shadow.subscribe_to_shadow_updated_events(documents(**named), QOS, self._updated),
        ]
        for future, _ in subscribed:
            self._connection.wait(future)

    def read_twin(self) -> Json:
        """The whole shadow as a twin: `{"desired": {…}, "reported": {…}}`."""

        def ask(token: str) -> Any:  # noqa: ANN401  of the SDK
            request = iotshadow.GetShadowRequest(thing_name=self._thing, client_token=token)
            return self._shadow.publish_get_shadow(request, QOS)

        answer = self._ask(ask)
        if isinstance(answer, iotshadow.ErrorResponse):
            if answer.code != _NOT_FOUND:
                raise _refusal(answer)
            return self._desired.read(None, 0)
        return self._desired.read(_state(answer.state), int(answer.version or 0))

    def report(self, properties: Json) -> None:
        """Write reported properties."""

        def ask(token: str) -> Any:  # noqa: ANN401  of the SDK
            state = iotshadow.ShadowState(reported=properties)
            request = iotshadow.UpdateShadowRequest(thing_name=self._thing, state=state, client_token=token)
            return self._shadow.publish_update_shadow(request, QOS)

        self._told(self._desired.settled())
        answer = self._ask(ask)
        if isinstance(answer, iotshadow.ErrorResponse):
            raise _refusal(answer)

    def send(self, body: str) -> None:
        """Send one JSON message of telemetry; a device without a topic for it sends none."""
        if self._topic:
            future, _ = self._connection.mqtt.publish(self._topic, body, QOS)
            self._connection.wait(future)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _ask(self, publish: Callable[[str], Any]) -> Any:  # noqa: ANN401  of the SDK
        """Publish a request with a token of its own; the answer that bears it."""
        token, answer = uuid.uuid4().hex, Future[Any]()
        with self._lock:
            self._asked[token] = answer
        try:
            self._connection.wait(publish(token))
            return self._connection.wait(answer)
        finally:
            with self._lock:
                del self._asked[token]

    def _answered(self, answer: Any) -> None:  # noqa: ANN401  of the SDK; None for what it cannot read
        if answer is None:
            self._unreadable()
            return
        with self._lock:
            asked = self._asked.get(answer.client_token or "")
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def _unreadable(self) -> None:
        """An answer that is no JSON bears no token: whoever waits is told."""
        with self._lock:
            waiting = [asked for asked in self._asked.values() if not asked.done()]
        for asked in waiting:
            asked.set_exception(UnavailableError("AWS IoT sent an answer about the shadow that is no JSON"))

    def _updated(self, event: Any) -> None:  # noqa: ANN401  of the SDK; None for what it cannot read
        if event is None:
            self._tell({})  # something changed: a patch without a version has the whole twin read
        elif event.current is not None:
            self._told(self._desired.changed(_state(event.current.state), int(event.current.version or 0)))

    def _told(self, patch: Json | None) -> None:
        if patch is not None:
            self._tell(patch)


def _state(state: Any) -> Json:  # noqa: ANN401  of the SDK
    return {} if state is None else {"desired": state.desired, "reported": state.reported}


def _refusal(answer: Any) -> CloudError:  # noqa: ANN401  of the SDK
    return answer_error("refused the shadow", answer.code, None, answer.message)
