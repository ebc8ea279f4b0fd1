"""The reference device: enrol, connect, keep its twin, reconnect.

`python -m agent` is one device in one process. `machine` decides (no IO), `azure` talks to the cloud
through the official device SDK, `runner` carries events and commands between the two.
"""

VERSION = "0.1.0"

__all__ = ["VERSION"]
