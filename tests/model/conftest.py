"""What of the crash tests the model's tests need: copies of a database, a proxy before it, work to kill."""

from tests.faults.conftest import copy, idle, proxy, worker

__all__ = ["copy", "idle", "proxy", "worker"]
