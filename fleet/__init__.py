"""The fleet description: frozen dataclasses, loading from a stack file, checks. No pulumi, no cloud SDK.

load_stack(path)         a Fleet from stacks/Pulumi.<stack>.yaml
load(value, file=path)   a Fleet from the plain value that Pulumi's engine hands to a program
FleetError.faults        every fault at once: file, line, column, path, what is wrong, what would be right
description              the dataclasses, the one source of types, schema and docs
schema.json_schema()     the JSON Schema of stack files
"""

from fleet.description import Fleet
from fleet.errors import Fault, FleetError
from fleet.loading import load, load_stack

__all__ = ["Fault", "Fleet", "FleetError", "load", "load_stack"]
