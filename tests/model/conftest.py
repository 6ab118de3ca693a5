"""What of the crash tests the model's tests need: copies of a database, a proxy before it, work to kill."""

from tests.faults.conftest import copies, copy, idle, proxy, worker

__all__ = ["copies", "copy", "idle", "proxy", "worker"]
