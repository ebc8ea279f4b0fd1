"""The hub's HTTPS operations, a file a topic. Each gives a table of `Entry`: route, right, and who may call.

identities      devices, modules, bulk operations, statistics
twins           twins, queries, direct methods
configurations  automatic device management and IoT Edge deployments
messages        cloud-to-device messages and feedback, seen from the service
devices         what devices and gateways call themselves
files           file upload
"""
