"""AWS on loopback: IoT Core is ours, checked against the published service models; ministack gives the rest."""
