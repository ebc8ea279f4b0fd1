"""MQTT 3.1.1 and 5 over mutual TLS, for all device protocols of both clouds.

packets     the codec of 3.1.1, pure
packets5    what differs in MQTT 5
payloads    the JSON in messages, the query in topics
session     one client's conversation; `Service`, `Conversation`, `Channel`: what a device protocol implements
endpoint    TLS on one transport, and the listener that all transports share
seats       one connection a client id, takeovers limited
"""
