"""Whether all is well, and what to do where it is not.

The asset `ops/health` shows it in Dagster, `icon-assets status` on the command line. It names sources and
reasons, never a customer's value.
"""
