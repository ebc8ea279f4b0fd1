"""How long a soak is, how many devices it has, and how often what happens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Times are seconds, rates are a second. `minutes` has everything in it but coming up and settling."""

    minutes: float = 10.0
    devices: int = 2000
    agents: int = 20
    telemetry_every: float = 20.0
    twin_changes_a_second: float = 20.0
    fault_every: float = 15.0
    """How long one kind of faults is in force."""
    network_lost_every: float = 180.0
    """How long a device keeps its network on average."""
    ramp_a_second: float = 100.0
    settle_at_most: float = 180.0

    @property
    def seconds(self) -> float:
        """How long the storm lasts."""
        return self.minutes * 60


SHORT = Plan(
    minutes=1 / 3,
    devices=100,
    agents=2,
    telemetry_every=1.0,
    twin_changes_a_second=20.0,
    fault_every=2.5,
    network_lost_every=15.0,
    settle_at_most=150.0,
)
"""What `make test` runs: the same, 20 seconds long."""
