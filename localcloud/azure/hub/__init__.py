"""IoT Hub on loopback.

registry        identities and twins: the one place that changes them
identities, scopes, views, twins, quotas, durations     what it decides with, pure
query           the twin query language, pure
configurations, deployment      what configurations are and make of twins, pure; automatic applies them
messages, methods, meter        cloud-to-device messages, direct methods, the daily quota
admission, authorities          who may connect, over MQTT and HTTPS
device, conversation            the device protocol over MQTT
service, api    HTTPS
"""
