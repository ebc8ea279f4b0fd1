"""IoT Hub on loopback: device identities and twins (`registry`), their device protocol and service API."""
