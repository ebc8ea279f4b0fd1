"""IoT Hub's query language, as far as a description needs it: whether a text parses, and where it stops to.

"Reference: IoT Hub query language for device and module twins, jobs, and message routing", section
"Expressions and conditions", learn.microsoft.com. No IO, no evaluation.

target_fault(text, modules=…)    of an automatic configuration's target condition
metric_fault(text)               of a query that counts devices
route_fault(text)                of a routing query
"""

from fleet.queries.grammar import QueryFault, metric_fault, route_fault, target_fault

__all__ = ["QueryFault", "metric_fault", "route_fault", "target_fault"]
