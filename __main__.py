"""The Pulumi program: load the fleet description, check it and its certificates, build, export."""

import os
from pathlib import Path

import pulumi

from components.fleet import build
from components.sources import load_sources
from fleet import FleetError, load

PROJECT = Path(__file__).resolve().parent


def main() -> None:
    """Declare the stack's fleet; every fault of the description at once, before anything is declared."""
    stack = pulumi.get_stack()
    file = Path(os.path.relpath(PROJECT / "stacks" / f"Pulumi.{stack}.yaml"))
    try:
        described = pulumi.Config("muster").require_object("fleet")
        location = pulumi.Config("azure-native").get("location")
        region = pulumi.Config("aws").get("region")
        fleet = load(described, file=file, stack=stack, location=location, region=region)
        outputs = build(fleet, load_sources(fleet, PROJECT, file))
    except FleetError as error:
        raise pulumi.RunError(f"nothing was changed; what is wrong:\n{error}") from None
    for name, value in outputs.items():
        pulumi.export(name, value)


main()
