"""DPS on loopback: enrollments, who may register, where devices go; `registry` joins them.

Its doors: the service API (`service`), the device protocol over MQTT (`device`), over HTTPS (`device_https`).
"""
