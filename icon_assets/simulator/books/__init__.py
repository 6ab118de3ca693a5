"""What reports must show of a simulation, counted from its own objects as they end, never from event lines.

`truth` counts, by `tally` and `progress`; `losses` counts what nobody heard.
"""
