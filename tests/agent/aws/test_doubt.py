"""When AWS IoT has said no: it never does in words."""

import pytest

from agent.aws.doubt import AMBIGUOUS, REFUSED_AFTER, REFUSED_AFTER_JUST_IN_TIME, Doubt, answer_error
from agent.errors import RefusedError, UnavailableError

CLOSED = "AWS_IO_SOCKET_CLOSED"


@pytest.mark.parametrize("name", sorted(AMBIGUOUS))
def test_several_ends_in_a_row_are_a_refusal(name: str) -> None:
    doubt = Doubt()
    errors = [doubt.judge(name, "closed") for _ in range(REFUSED_AFTER + 1)]
    expected = [UnavailableError] * (REFUSED_AFTER - 1) + [RefusedError] * 2
    assert [type(each) for each in errors] == expected
    assert "closed" in str(errors[-1])


def test_a_connection_that_was_accepted_ends_the_doubt() -> None:
    doubt = Doubt()
    for _ in range(REFUSED_AFTER):
        doubt.judge(CLOSED, "closed")
    doubt.accepted()
    assert isinstance(doubt.judge(CLOSED, "closed"), UnavailableError)


@pytest.mark.parametrize(
    "name",
    [
        "AWS_IO_SOCKET_CONNECTION_REFUSED",
        "AWS_IO_DNS_INVALID_NAME",
        "AWS_ERROR_HTTP_PROXY_CONNECT_FAILED",
        "AWS_ERROR_MQTT_TIMEOUT",
        "",
    ],
)
def test_out_of_reach_is_never_a_refusal(name: str) -> None:
    doubt = Doubt(1)
    assert all(isinstance(doubt.judge(name, "no"), UnavailableError) for _ in range(20))


def test_just_in_time_more_are_borne_until_the_first_success() -> None:
    doubt = Doubt(first=REFUSED_AFTER_JUST_IN_TIME)
    for _ in range(REFUSED_AFTER_JUST_IN_TIME - 1):
        assert isinstance(doubt.judge(CLOSED, "closed"), UnavailableError)
    assert isinstance(doubt.judge(CLOSED, "closed"), RefusedError)
    doubt.accepted()
    errors = [doubt.judge(CLOSED, "closed") for _ in range(REFUSED_AFTER)]
    assert isinstance(errors[-1], RefusedError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (403, RefusedError),
        (429, UnavailableError),
        (500, UnavailableError),
        (None, UnavailableError),
    ],
)
def test_an_answer_says_whether_it_is_a_refusal(status: int | None, kind: type) -> None:
    error = answer_error("registered no thing", status, "AccessDenied", "the hook said no")
    assert type(error) is kind
    assert "the hook said no" in str(error)
