"""AWS IoT components. Each secures what it makes by itself; components/azure/ is never imported here."""
