"""What of the crash tests the model's tests need: copies of a database, a proxy before it, work to kill."""

from tests.faults.conftest import copy, proxy, worker

__all__ = ["copy", "proxy", "worker"]
