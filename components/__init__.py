"""What `pulumi up` creates: component resources, and `fleet.py` that builds them from a description.

build(fleet, chain)         every resource of a fleet; returns the stack's outputs
load_trust(fleet, …)        the fleet's certificates, checked, their faults placed in the stack file
azure/                      one component a file; they know nothing of the fleet description
muster.py                   typed resources of our own provider (tokens muster:dps:*)

Importing this package alone imports no pulumi: `components.trust` serves the command line as well.
"""
