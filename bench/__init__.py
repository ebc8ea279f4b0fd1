"""Measurements beside their peers: `make bench` writes docs/benchmarks.md."""
