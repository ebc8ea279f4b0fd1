"""What `pulumi up` creates: component resources, and `fleet` that builds them from a description.

build(fleet, sources)    every resource of a fleet; returns the stack's outputs (`components.fleet`)
load_sources(fleet, …)   the files that a fleet names, checked, their faults placed in the stack file
load_trust(fleet, …)     of those the CA chain alone
azure/, aws/             one component a file; they know nothing of the fleet description
muster/                  typed resources of our own provider (tokens muster:dps:*, muster:hub:*, muster:aws:*)
permissions              what a description permits devices on AWS

Importing this package alone imports no pulumi: `components.trust` serves the command line as well.
"""
