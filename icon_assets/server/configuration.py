"""The settings of the embedded server, which loads in bulk on a small machine."""

from __future__ import annotations

import os


def configuration(host: str, port: int, durable: bool) -> str:
    """Text of icon.conf, written anew at each start."""
    settings = {
        "listen_addresses": host,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 100,
        "shared_buffers": f"{_shared_buffers_mb()}MB",
        # A merge of 100,000 events writes some 300 MB of log: few checkpoints, long ones.
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        # Each day of each final table is a partition, and a query may touch years of them.
        "max_locks_per_transaction": 256,
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "on",
        "log_directory": "../log",
        # One file a weekday, overwritten after a week.
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": "on",
        # Values of customers stay out of the log.
        "log_parameter_max_length_on_error": 0,
        "log_error_verbosity": "terse",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def _shared_buffers_mb() -> int:
    """An eighth of the memory, 1 GB at most."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(128, min(1024, memory // 8 // 2**20))
