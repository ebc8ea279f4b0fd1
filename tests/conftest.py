"""For all tests: fuzzing is judged by what it finds, not by how fast a busy machine makes its examples."""

from hypothesis import HealthCheck, settings

settings.register_profile("muster", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("muster")
