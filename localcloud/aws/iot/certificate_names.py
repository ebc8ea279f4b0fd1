"""What just-in-time provisioning reads from a device's certificate, for templates to refer to. Pure.

docs.aws.amazon.com/iot/latest/developerguide/jit-provisioning.html: Country, Organization,
OrganizationalUnit, DistinguishedNameQualifier, StateName, CommonName and SerialNumber "from the subject
field", and Id. A name that the subject has not is not there, so a template that declares it fails.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from localcloud.aws.iot.template_functions import CERTIFICATE_ID

_PREFIX = "AWS::IoT::Certificate::"
_SUBJECT = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
}
NAMES = frozenset({CERTIFICATE_ID, *(_PREFIX + name for name in _SUBJECT)})


def parameters_of(certificate: x509.Certificate, certificate_id: str) -> dict[str, str]:
    """Parameters by name; of a subject's member that is there several times, the first."""
    found = {CERTIFICATE_ID: certificate_id}
    for name, oid in _SUBJECT.items():
        values = certificate.subject.get_attributes_for_oid(oid)
        if values:
            found[_PREFIX + name] = str(values[0].value)
    return found
