"""MQTT 3.1.1 over mutual TLS, for DPS and all hubs.

packets     the codec, pure
payloads    the JSON in messages, the query in topics
session     one client's conversation; `Service`, `Conversation`, `Channel`: what a device protocol implements
endpoint    TLS on one transport, and the listener that all transports share
seats       one connection a client id, takeovers limited
"""
