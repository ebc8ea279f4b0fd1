"""AWS on loopback: IoT Core is ours, checked against published service models; ministack gives the rest."""
