"""The local cloud's own host: /_local/…, on loopback only, for tests and the CLI. Azure has no such thing.

    GET  /_local/counters     {"{dps}/{reason}" or "{hub host}/…": count}
    GET, POST /_local/clock       {"advanceSeconds": n}
    GET, POST /_local/throttling  {"enabled": true, "bulkCounts": "calls" | "rows"}
    GET, POST, DELETE /_local/faults  {"faults": [...]}, see `faults`

A request that reaches it came by loopback's own name and from loopback (`http` sees to that).
"""

from localcloud.calls import Answer, BadBodyError, Call, NoRouteError, dispatch, route
from localcloud.clock import Clock
from localcloud.control.bodies import BadControlError, Fields
from localcloud.control.faults import read_faults
from localcloud.control.switches import Switches
from localcloud.counters import Counters


class LocalService:
    """Reads and sets what a test holds in its hands."""

    def __init__(self, clock: Clock, switches: Switches, counters: Counters) -> None:
        self._clock = clock
        self._switches = switches
        self._counters = counters
        self._routes = [
            route("GET", "/_local/counters", self._count),
            route("GET", "/_local/clock", self._time),
            route("POST", "/_local/clock", self._advance),
            route("GET", "/_local/throttling", self._throttling),
            route("POST", "/_local/throttling", self._throttle),
            route("GET", "/_local/faults", self._faults),
            route("POST", "/_local/faults", self._set_faults),
            route("DELETE", "/_local/faults", self._clear_faults),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            return dispatch(self._routes, call)
        except (BadBodyError, BadControlError) as bad:
            return self.fault(400, str(bad))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error in plain words."""
        return Answer(status, {"message": message})

    def _count(self, _call: Call) -> Answer:
        return Answer(body=self._counters.all())

    def _time(self, _call: Call) -> Answer:
        return Answer(body={"now": self._clock.text(), "advancedSeconds": self._clock.moved_seconds})

    def _advance(self, call: Call) -> Answer:
        fields = Fields(call.document())
        seconds = fields.number("advanceSeconds")
        fields.done()
        try:
            self._clock.advance(seconds)
        except ValueError as error:
            raise BadControlError([f"advanceSeconds: {error}."]) from error
        return self._time(call)

    def _throttling(self, _call: Call) -> Answer:
        switches = self._switches
        counts = "rows" if switches.bulk_counts_rows else "calls"
        refused = dict(sorted(switches.refused.items()))
        return Answer(body={"enabled": switches.throttled, "bulkCounts": counts, "refused": refused})

    def _throttle(self, call: Call) -> Answer:
        fields = Fields(call.document())
        enabled, counts = fields.truth("enabled"), fields.choice("bulkCounts", ("calls", "rows"), "calls")
        fields.done()
        self._switches.throttle(enabled, bulk_counts_rows=counts == "rows")
        return self._throttling(call)

    def _faults(self, _call: Call) -> Answer:
        return Answer(body={"faults": self._switches.faults.shown()})

    def _set_faults(self, call: Call) -> Answer:
        self._switches.set_faults(read_faults(call.document()))
        return self._faults(call)

    def _clear_faults(self, _call: Call) -> Answer:
        self._switches.set_faults([])
        return Answer(204)
