"""Custom allocation: a function that DPS asks which hub a device comes to, deployed and wired.

component    AllocationFunction
packaging    a project's folder as a zip that is the same wherever it is made
template/    a function to copy: `cp -r components/azure/allocation_function/template functions`
"""
