"""Provisioning claims: short-lived certificates that a trusted user's app gives a new device.

CreateProvisioningClaim of botocore's iot 2015-05-28. docs.aws.amazon.com/iot/latest/developerguide/
provision-wo-cert.html, "Provisioning by trusted user": the certificate is good for five minutes, and for the
template's own topics only. So it has no policy in the registry; `policy_of` is the one that holds for it.
"""

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.templates import FLEET, ProvisioningTemplates
from localcloud.aws.place import Place

LASTS_SECONDS = 300
_KIND = "aws-provisioning-claim"
_CREATE_TOPICS = ("create", "create-from-csr")


class Claims:
    """Claims by their certificates' ids."""

    def __init__(self, place: Place, templates: ProvisioningTemplates, certificates: Certificates) -> None:
        self._place = place
        self._templates = templates
        self._certificates = certificates

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone({"CreateProvisioningClaim": self._create})

    def template_of(self, certificate_id: str) -> str | None:
        """The template that a claim is for; None where the certificate is none."""
        known = self._place.store.get(_KIND, certificate_id)
        return str(known["template"]) if known else None

    def is_over(self, certificate_id: str) -> bool:
        """Whether it is a claim whose time is over."""
        known = self._place.store.get(_KIND, certificate_id)
        return known is not None and bool(known["expires"] <= self._place.now())

    def policy_of(self, certificate_id: str) -> Params | None:
        """The policy document that holds for a claim; None for other certificates, and when it is over."""
        template = self.template_of(certificate_id)
        return None if template is None or self.is_over(certificate_id) else self._policy(template)

    def tidy(self) -> None:
        """Claims whose time is over are switched off and forgotten."""
        for identity, known in self._place.store.list(_KIND):
            if known["expires"] <= self._place.now():
                if self._certificates.by_fingerprint(identity):
                    self._certificates.set_status(identity, "REVOKED")
                    self._certificates.delete(identity, force=True)
                self._place.store.delete(_KIND, identity)

    def _create(self, params: Params) -> Params:
        template = self._templates.require(params["templateName"])
        if template["type"] != FLEET or not template["enabled"]:
            raise invalid(
                f"The template {params['templateName']} is not an enabled one for fleet provisioning."
            )
        expires = self._place.now() + LASTS_SECONDS
        with self._place.store.transaction():
            made, public, private = self._certificates.issue_with_key("ACTIVE")
            self._place.store.put(_KIND, made.id, {"template": params["templateName"], "expires": expires})
        return {
            "certificateId": made.id,
            "certificatePem": made.pem,
            "keyPair": {"PublicKey": public, "PrivateKey": private},
            "expiration": expires,
        }

    def _policy(self, template: str) -> Params:
        bases = [f"$aws/certificates/{it}/*" for it in _CREATE_TOPICS]
        bases.append(f"$aws/provisioning-templates/{template}/provision/*")
        topics = [self._place.arn(f"topic/{it}") for it in bases]
        filters = [self._place.arn(f"topicfilter/{it}") for it in bases]
        statements = [
            {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"},
            {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": topics},
            {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": filters},
        ]
        return {"Version": "2012-10-17", "Statement": statements}
