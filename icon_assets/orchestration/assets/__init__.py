"""The assets, by stage: landing, raw (idb), final, marts, docs. Each calls the library and reports."""

import warnings

import dagster as dg

# Backfills in one run are "beta" for Dagster; the version is pinned, and the tests run them.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
