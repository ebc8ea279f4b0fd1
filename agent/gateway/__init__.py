"""The gateway's side of a device: children connect here, and are connected to the hub in their own names.

gateway     the thread, the listener, and whose gateway it is
tls         a child's end of TLS
relay       one child's connection, from its CONNECT to its end
packets     the two packets that are read: CONNECT and CONNACK
scope       who is a child, and what proves it. No IO
children    who is one just now: the hub's list, asked for again when it seems old
edge_hub    the gateway's right to speak for children: its `$edgeHub` module, and the listing of the children
upstream    the way to the hub

Only CONNECT is rewritten (its password); after it every byte goes through as it is, both ways: twins,
telemetry, methods, messages. Nothing is stored here: while the hub is out of reach, so are children.

The protocol is that of the IoT Edge hub with MQTT upstream, as its sources publish it (Azure/iotedge:
CloudConnectionProvider, DeviceScopeApiClient; azure-iot-sdk-csharp:
ClientAuthenticationForEdgeHubOnBehalfOf); the behaviour is documented in "How an IoT Edge device can be used
as a gateway" (learn.microsoft.com/azure/iot-edge/iot-edge-as-gateway).
"""
