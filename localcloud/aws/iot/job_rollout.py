"""How fast a job goes out to its things, when it is given up, and what is tried again. Pure.

docs.aws.amazon.com/iot/latest/developerguide/job-rollout-abort-scheduling-timeouts.html (rates, abort
criteria) and jobs-configurations-details (retries: ten in all).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

FASTEST_PER_MINUTE = 1000
MOST_RETRIES = 10
FINISHED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "REMOVED", "CANCELED")
_EXECUTED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED")


def per_minute(config: Mapping[str, Any] | None, statuses: Iterable[str]) -> int:
    """How many things may be notified in this minute, for what has become of those that were."""
    given = config or {}
    most = int(given.get("maximumPerMinute", FASTEST_PER_MINUTE))
    exponential = given.get("exponentialRate")
    if exponential is None:
        return most
    found = Counter(statuses)
    criteria = exponential["rateIncreaseCriteria"]
    reached, step = sum(found.values()), criteria.get("numberOfNotifiedThings")
    if "numberOfSucceededThings" in criteria:
        reached, step = found["SUCCEEDED"], criteria["numberOfSucceededThings"]
    steps = min(reached // step, 100)  # the rate is past any maximum by then
    rate = exponential["baseRatePerMinute"] * exponential["incrementFactor"] ** steps
    return int(min(rate, most))


def is_to_abort(config: Mapping[str, Any] | None, statuses: Iterable[str]) -> bool:
    """Whether a criterion for giving up is met: that share of those executed, and enough of them."""
    found = Counter(it for it in statuses if it in _EXECUTED)
    executed = sum(found.values())
    for criterion in (config or {}).get("criteriaList", []):
        kind = criterion["failureType"]
        failed = executed - found["SUCCEEDED"] if kind == "ALL" else found[kind]
        enough = executed >= criterion["minNumberOfExecutedThings"]
        if enough and failed * 100 >= criterion["thresholdPercentage"] * executed and failed:
            return True
    return False


def retries(config: Mapping[str, Any] | None, status: str) -> int:
    """How often an execution that ended so is tried again."""
    wanted = (status, "ALL")
    criteria = (config or {}).get("criteriaList", [])
    return max((it["numberOfRetries"] for it in criteria if it["failureType"] in wanted), default=0)


def faults(params: Mapping[str, Any]) -> list[str]:
    """What the model does not say: exactly one criterion of a rate, minutes of a timeout, retries."""
    found: list[str] = []
    exponential = params.get("jobExecutionsRolloutConfig", {}).get("exponentialRate")
    if exponential is not None and len(exponential["rateIncreaseCriteria"]) != 1:
        found.append("rateIncreaseCriteria has one of numberOfNotifiedThings and numberOfSucceededThings.")
    minutes = params.get("timeoutConfig", {}).get("inProgressTimeoutInMinutes")
    if minutes is not None and not 1 <= minutes <= 10080:
        found.append(f"inProgressTimeoutInMinutes is 1 to 10080, not {minutes}.")
    criteria = params.get("jobExecutionsRetryConfig", {}).get("criteriaList", [])
    if sum(it["numberOfRetries"] for it in criteria) > MOST_RETRIES:
        found.append(f"numberOfRetries are {MOST_RETRIES} in all at most.")
    kinds = [it["failureType"] for it in criteria]
    if len(set(kinds)) != len(kinds) or ("ALL" in kinds and len(kinds) > 1):
        found.append("A failureType has one retry criterion, and ALL stands alone.")
    return found
