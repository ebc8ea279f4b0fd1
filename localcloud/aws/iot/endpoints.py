"""DescribeEndpoint: the account's host names.

Types are DescribeEndpoint's of botocore's iot 2015-05-28. `iot:Data`, which is also what a call without a
type asks for, has a certificate of VeriSign's that no longer is trusted; the local cloud has no such host.
"""

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.place import Place

_HOSTS = {"iot:Data-ATS": "-ats", "iot:CredentialProvider": ".credentials", "iot:Jobs": ".jobs"}


class Endpoints:
    """Host names by endpoint type."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone({"DescribeEndpoint": self._describe})

    def _describe(self, params: Params) -> Params:
        kind = params.get("endpointType", "iot:Data")
        if kind not in _HOSTS:
            served = ", ".join(_HOSTS)
            raise invalid(f"The local cloud has endpoints of the types {served}, none of {kind}.")
        return {"endpointAddress": self._place.endpoint(_HOSTS[kind])}
