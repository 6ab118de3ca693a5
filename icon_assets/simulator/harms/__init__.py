"""Harms done to batches: what stands between the feeds and the files, and spoils what it passes on."""
