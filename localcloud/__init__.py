"""Both clouds on loopback, for trying and testing. Imports none of the production code."""
