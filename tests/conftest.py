"""For the whole suite: how long an example takes is no reason to fail, because the machine may have other work."""

from hypothesis import HealthCheck, settings

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
