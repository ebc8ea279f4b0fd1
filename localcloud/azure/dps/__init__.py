"""DPS on loopback: enrollments, who may register and where devices go (`registry` joins them), and its three doors:

the service API (`service`), the device protocol over MQTT (`device`), the device API over HTTPS (`device_https`).
"""
