"""DPS on loopback: enrollments and who may register (`registry`), the device protocol, the service API."""
