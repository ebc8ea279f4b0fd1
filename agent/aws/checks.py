"""What can be wrong with the options of a device on AWS IoT: each fault one sentence. No SDK."""

import argparse
import re
from collections.abc import Iterator

_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""botocore's service model iot 2015-05-28, ThingName; it is the client id too."""

_TEMPLATE_NAME = re.compile(r"[0-9A-Za-z_-]{1,36}")
"""The same, TemplateName."""

_TOPICS = re.compile(r"[^/+#\s$]+/[^/+#\s$]+")


def names(given: argparse.Namespace) -> Iterator[str]:
    """Ids, names and parameters."""
    if not _THING_NAME.fullmatch(given.registration_id):
        yield (
            f"--registration-id {given.registration_id!r}: it is the name of a thing on AWS, where 1 to 128 "
            "letters, digits and : _ - are allowed"
        )
    if given.claim_template and not _TEMPLATE_NAME.fullmatch(given.claim_template):
        yield f"--claim-template {given.claim_template!r}: 1 to 36 letters, digits, _ and -"
    if given.topics and not _TOPICS.fullmatch(given.topics):
        yield f"--topics {given.topics!r}: write it as FLEET/GROUP"
    for each in given.parameter:
        name, equals, _ = each.partition("=")
        if not name or not equals:
            yield f"--parameter {each!r}: write it as NAME=VALUE"


def combinations(given: argparse.Namespace) -> Iterator[str]:
    """Options that need, or exclude, each other."""
    claim = bool(given.claim_template)
    if given.id_scope.strip() or given.hub:
        yield "--endpoint and --id-scope or --hub: a device is on AWS or on Azure"
    if given.symmetric_key_file is not None:
        yield "--symmetric-key-file: AWS IoT knows devices by certificates; give --certificate and --key"
    elif given.certificate is None or given.key is None:
        yield "--certificate and --key are needed: the device's own, or the claim's"
    if claim != (given.identity is not None):
        yield "--claim-template and --identity go together"
    if claim and given.just_in_time:
        yield "--claim-template and --just-in-time: a device enrols in one of the two ways"
    if given.parameter and not claim:
        yield "--parameter goes with --claim-template"
    if given.renew_before_days is not None and not claim:
        yield "--renew-before-days goes with --claim-template: no other one is the device's to renew"
    yield from (f"{flag} is for Azure, not with --endpoint" for flag in _of_azure(given))


def without_endpoint(given: argparse.Namespace) -> Iterator[str]:
    """Options of AWS that were given to a device on Azure."""
    told = {
        "--port": given.port is not None,
        "--topics": bool(given.topics),
        "--just-in-time": given.just_in_time,
        "--claim-template": bool(given.claim_template),
        "--parameter": bool(given.parameter),
    }
    yield from (f"{flag} goes with --endpoint" for flag, is_given in told.items() if is_given)


def _of_azure(given: argparse.Namespace) -> Iterator[str]:
    told = {
        "--provisioning-host": bool(given.provisioning_host),
        "--websockets": given.websockets,
        "--request-certificate": given.request_certificate,
        "--gateway": given.gateway,
        "--gateway-host": bool(given.gateway_host),
        "--trust": given.trust is not None,
        "--listen": given.listen is not None,
        "--server-certificate": given.server_certificate is not None,
        "--server-key": given.server_key is not None,
        "--children-ca": given.children_ca is not None,
    }
    yield from (flag for flag, is_given in told.items() if is_given)
