"""Behaviours of a Detect security profile: which criteria a metric takes. Pure.

docs.aws.amazon.com/iot-device-defender/latest/devguide/detect-cloud-side-metrics.html and
detect-device-side-metrics.html, metric by metric: the kind of value, and whether it is counted over a
duration, which is one of 300, 600, 900, 1800 and 3600 seconds. Operators by kind of value: BehaviorCriteria
in botocore's iot 2015-05-28. aws:disconnect-duration is in minutes, by a constant only, and upwards only
(aws.amazon.com/blogs/iot, "disconnected duration metric").
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DURATIONS = (300, 600, 900, 1800, 3600)
_NUMBER = ("less-than", "less-than-equals", "greater-than", "greater-than-equals")
_SET = ("in-set", "not-in-set")
_CIDRS = ("in-cidr-set", "not-in-cidr-set")
_PORTS = ("in-port-set", "not-in-port-set")


@dataclass(frozen=True)
class Metric:
    """What criteria of a metric look like: the member of `value`, its operators, what else is allowed."""

    value: str
    operators: tuple[str, ...]
    needs_duration: bool = False
    learns: bool = False  # statistical thresholds and machine learning


_COUNTED = Metric("count", _NUMBER, needs_duration=True, learns=True)
_PLAIN = Metric("count", _NUMBER, learns=True)
METRICS: Mapping[str, Metric] = {
    "aws:message-byte-size": _PLAIN,
    "aws:num-messages-sent": _COUNTED,
    "aws:num-messages-received": _COUNTED,
    "aws:num-authorization-failures": _COUNTED,
    "aws:num-connection-attempts": _COUNTED,
    "aws:num-disconnects": _COUNTED,
    "aws:disconnect-duration": Metric("count", _NUMBER[:2]),
    "aws:source-ip-address": Metric("cidrs", _CIDRS),
    "aws:all-bytes-out": _COUNTED,
    "aws:all-bytes-in": _COUNTED,
    "aws:all-packets-out": _COUNTED,
    "aws:all-packets-in": _COUNTED,
    "aws:num-listening-tcp-ports": _COUNTED,
    "aws:num-listening-udp-ports": _COUNTED,
    "aws:num-established-tcp-connections": _PLAIN,
    "aws:destination-ip-addresses": Metric("cidrs", _CIDRS),
    "aws:listening-tcp-ports": Metric("ports", _PORTS),
    "aws:listening-udp-ports": Metric("ports", _PORTS),
}
CUSTOM: Mapping[str, Metric] = {
    "number": Metric("number", _NUMBER, learns=True),
    "number-list": Metric("numbers", _SET),
    "string-list": Metric("strings", _SET),
    "ip-address-list": Metric("cidrs", _CIDRS),
}
CustomType = Callable[[str], str | None]


def faults(behaviors: list[Mapping[str, Any]], custom_type: CustomType) -> list[str]:
    """What is wrong with behaviours, each with its name. `custom_type` gives a custom metric's type."""
    found = [f"{it['name']}: {words}" for it in behaviors for words in _faults(it, custom_type)]
    names = [it["name"] for it in behaviors]
    doubled = sorted({it for it in names if names.count(it) > 1})
    return [*found, *(f"{it}: the name is there more than once" for it in doubled)]


def metric_of(name: str, custom_type: CustomType) -> Metric | None:
    """How a metric is compared; None for a metric that there is not."""
    if name.startswith("aws:"):
        return METRICS.get(name)
    return CUSTOM.get(custom_type(name) or "")


def _faults(behavior: Mapping[str, Any], custom_type: CustomType) -> Iterator[str]:
    name, criteria = behavior.get("metric"), behavior.get("criteria")
    if name is None:
        yield "metric is required"
        return
    metric = metric_of(name, custom_type)
    if metric is None:
        yield f"there is no metric {name}"
        return
    if criteria is None:
        return  # a metric that is only kept
    ways = [it for it in ("value", "statisticalThreshold", "mlDetectionConfig") if it in criteria]
    if len(ways) != 1:
        yield "criteria need one of value, statisticalThreshold and mlDetectionConfig"
        return
    if ways[0] != "value" and not metric.learns:
        yield f"{name} is compared with a value only"
    yield from _operator_faults(metric, criteria, ways[0])
    yield from _duration_faults(name, metric, criteria, ways[0])
    if ways[0] == "value":
        yield from _value_faults(metric, criteria["value"])


def _operator_faults(metric: Metric, criteria: Mapping[str, Any], way: str) -> Iterator[str]:
    operator = criteria.get("comparisonOperator")
    if way == "mlDetectionConfig":
        if operator is not None:
            yield "comparisonOperator does not go with mlDetectionConfig"
    elif operator not in metric.operators:
        yield f"comparisonOperator must be one of {', '.join(metric.operators)}, not {operator}"


def _duration_faults(name: str, metric: Metric, criteria: Mapping[str, Any], way: str) -> Iterator[str]:
    seconds = criteria.get("durationSeconds")
    if way == "mlDetectionConfig":
        if seconds is not None:
            yield "durationSeconds does not go with mlDetectionConfig"
    elif way == "statisticalThreshold" or metric.needs_duration:
        if seconds not in DURATIONS:
            yield f"durationSeconds must be one of {', '.join(map(str, DURATIONS))}, not {seconds}"
    elif seconds is not None:
        yield f"durationSeconds does not go with a value of {name}"


def _value_faults(metric: Metric, value: Mapping[str, Any]) -> Iterator[str]:
    if list(value) != [metric.value]:
        yield f"value needs {metric.value}, and nothing else"
        return
    given = value[metric.value]
    if isinstance(given, list) and not given:
        yield f"{metric.value} is empty"
    for cidr in given if metric.value == "cidrs" else ():
        if not _is_network(cidr):
            yield f"{cidr} is no CIDR"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
