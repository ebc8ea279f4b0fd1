"""Azure on loopback: DPS and IoT Hub for devices and services, and the ARM surface they need."""
