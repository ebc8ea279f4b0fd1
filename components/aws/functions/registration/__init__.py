"""Just-in-time registration: a device that AWS IoT saw for the first time is let in, or left outside."""
