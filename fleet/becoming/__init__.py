"""What each field of a description becomes on each cloud, by its path; docs/clouds.md is made from it.

A test holds the tables to the description: a field that a cloud has must stand in that cloud's table, one
that it has not (`OnlyOn`, `NotOn`) must not. Words in capitals stand for names that the user chooses; what
groups, enrollments and manifests share stands with groups.
"""

from fleet.becoming.aws import ON_AWS
from fleet.becoming.azure import ON_AZURE

__all__ = ["ON_AWS", "ON_AZURE"]
