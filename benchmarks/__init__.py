"""Each promise about speed, as a ratio taken in one run on one machine: `make bench`."""
