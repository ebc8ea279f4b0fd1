"""AWS IoT as one device sees it: which way of enrolling its options ask for, which certificate is in use."""

from collections.abc import Callable
from datetime import datetime

from agent.assignment import Assignment, FixedAssignment
from agent.aws.claim import ClaimProvisioning, ClaimRenewal, Doubts
from agent.aws.doubt import REFUSED_AFTER_JUST_IN_TIME, Doubt
from agent.aws.hub import AwsHub
from agent.aws.options import AwsOptions
from agent.credentials import Certificate
from agent.errors import RefusedError
from agent.identities import Identities
from agent.log import JsonLog
from agent.options import Options
from agent.ports import Provisioning


class NoRenewal:
    """A certificate that did not come by claim is its equipper's to renew."""

    def enrol(self) -> Assignment:
        """Raises RefusedError."""
        raise RefusedError("a certificate that the device was equipped with is not renewed by the device")

    def close(self) -> None:
        """Nothing is open."""


class AwsCloud:
    """Makes enrolments and connections for one device. `now` is its wall clock."""

    def __init__(self, options: Options, aws: AwsOptions, now: Callable[[], datetime]) -> None:
        self._options = options
        self._aws = aws
        self._now = now
        self._doubt = Doubt(first=REFUSED_AFTER_JUST_IN_TIME if aws.is_just_in_time else None)
        self._claim_doubts, self._renewal_doubts = Doubts(), Doubts.of_renewals()
        self._identities: Identities | None = None
        if aws.claim is not None:
            self._identities = Identities(aws.claim.folder, options.registration_id, now, named=False)

    def known(self) -> Assignment | None:
        """The thing of an earlier run, when its own certificate still holds; at the endpoint of this one."""
        held = None if self._identities is None else self._identities.known()
        return held and Assignment(self._aws.endpoint, held.device_id, held.certificate)

    def provisioning(self) -> Provisioning:
        """A new enrolment: by claim, or none, as the certificate on the command line is the device's own."""
        aws = self._aws
        if aws.claim is None or self._identities is None:
            return FixedAssignment(aws.endpoint, self._options.registration_id)
        options, shown = self._options, self._options.credential
        assert isinstance(shown, Certificate), "the options were checked"
        doubts, now = self._claim_doubts, self._now
        return ClaimProvisioning(options, aws, aws.claim, self._identities, shown, doubts, now)

    def renewal(self) -> Provisioning:
        """By the certificate that came by claim, while it holds."""
        aws, identities = self._aws, self._identities
        if aws.claim is None or identities is None:
            return NoRenewal()
        shown = identities.in_use()
        if shown is None:
            return self.provisioning()
        doubts, now = self._renewal_doubts, self._now
        return ClaimRenewal(self._options, aws, aws.claim, identities, shown, doubts, now)

    def hub(self, host: str, device_id: str) -> AwsHub:
        """A new connection, not yet connected; `host` is the endpoint of the options."""
        assert host == self._aws.endpoint
        return AwsHub(self._options, self._aws, self._credential(), device_id, self._doubt)

    def retire(self) -> None:
        """Remove all own certificates, and their keys, but the newest."""
        if self._identities is not None:
            self._identities.retire()

    def open_gateway(self, host: str, device_id: str, log: JsonLog) -> None:
        """There are no gateways on AWS; the options do not let one be asked for."""

    def _credential(self) -> Certificate:
        """What the endpoint is shown: never the claim."""
        shown = self._options.credential if self._identities is None else self._identities.in_use()
        if not isinstance(shown, Certificate):
            raise RefusedError("the device has no certificate of its own that still holds")
        return shown
