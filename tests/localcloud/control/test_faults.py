"""Which fault hits what, and bodies that are anything at all."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from localcloud.control.bodies import BadControlError
from localcloud.control.faults import Fault, Faults, read_faults

HOST = "hub.azure-devices.net"
PLAIN = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8)
JSON = some.recursive(
    PLAIN, lambda it: some.lists(it, max_size=3) | some.dictionaries(some.text(max_size=6), it, max_size=3)
)
FIELDS = ("surface", "host", "match", "stage", "action", "status", "delaySeconds", "times", "every")


def _faults(*listed: Fault) -> Faults:
    made = Faults()
    made.set(listed)
    return made


def _hit(faults: Faults, what: str = "GET /devices", host: str = HOST) -> bool:
    return faults.hit("https", "request", host, what) is not None


def test_every_and_times_count_what_matches() -> None:
    faults = _faults(Fault("https", "reset", match="GET /dev*", every=3, times=2))
    hits = [_hit(faults, what) for _ in range(12) for what in ("GET /devices", "PUT /devices")]
    assert [index for index, hit in enumerate(hits) if hit] == [4, 10]
    assert (faults.shown()[0]["matched"], faults.shown()[0]["hits"]) == (12, 2)


def test_host_match_surface_and_stage_all_have_to_fit() -> None:
    faults = _faults(Fault("https", "drop", host="HUB.*", match="put /Enrollments/*"))
    assert faults.hit("https", "request", HOST, "PUT /enrollments/a")
    assert not faults.hit("https", "answer", HOST, "PUT /enrollments/a")
    assert not faults.hit("mqtt", "request", HOST, "PUT /enrollments/a")
    assert not faults.hit("https", "request", "other", "PUT /enrollments/a")
    assert not faults.hit("https", "request", HOST, "GET /enrollments/a")


def test_the_first_that_hits_counts_and_the_next_takes_over() -> None:
    faults = _faults(Fault("https", "reset", times=1), Fault("https", "status", status=503))
    found = [faults.hit("https", "request", HOST, "GET /") for _ in range(2)]
    assert [it.action for it in found if it] == ["reset", "status"]


def test_what_is_shown_can_be_set_again() -> None:
    body = {"surface": "mqtt", "action": "delay", "delaySeconds": 1.5, "match": "devices/*", "times": 3}
    (fault,) = read_faults({"faults": [body]})
    assert fault == Fault("mqtt", "delay", match="devices/*", delay_seconds=1.5, times=3)
    shown = _faults(fault).shown()[0]
    counted = {key: shown.pop(key) for key in ("matched", "hits")}
    assert counted == {"matched": 0, "hits": 0}
    assert read_faults({"faults": [shown]}) == [fault]


def test_all_that_is_wrong_comes_at_once() -> None:
    bad: dict[str, Any] = {
        "faults": [
            {"surface": "amqp", "action": "drop", "every": 0},
            {"surface": "https", "action": "delay"},
            {"surface": "https", "action": "status", "status": 200},
            {"surface": "mqtt", "action": "status", "stage": "answer", "colour": "red"},
        ],
        "more": 1,
    }
    with pytest.raises(BadControlError) as raised:
        read_faults(bad)
    said = str(raised.value)
    for words in (
        "faults[0].surface must be one of https, mqtt",
        "faults[0].every must be a whole number from 1",
        "faults[1].delaySeconds belongs to action delay",
        "faults[2].status must be 400 to 599",
        "faults[3].action status on mqtt is for requests only",
        "faults[3].colour is not known",
        "more is not known",
    ):
        assert words in said


@given(some.dictionaries(some.sampled_from(FIELDS), JSON) | JSON)
def test_any_body_is_faults_or_refused(body: Any) -> None:
    with suppress(BadControlError):
        for it in read_faults({"faults": [body]} if isinstance(body, dict) else {"faults": body}):
            assert it.every >= 1
            assert _faults(it).shown()
