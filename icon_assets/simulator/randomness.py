"""Chance that is the same on every machine: integer streams, one for each thing that has its own luck.

No libm function takes part (their last bit differs between platforms), and no global state: a stream is
named after its owner, so a change in one place of the simulation leaves the luck of all others alone.
"""

from __future__ import annotations

from base64 import b32hexencode
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


class Weights(Generic[T]):
    """Things with whole-number weights, to be drawn by `Stream.pick`; weights of 0 may stand."""

    __slots__ = ("_sums", "_things", "_total")

    def __init__(self, weights: Mapping[T, int]) -> None:
        self._things = tuple(weights)
        self._sums = tuple(accumulate(weights.values()))
        self._total = self._sums[-1]

    def at(self, bits: int) -> T:
        return self._things[bisect_right(self._sums, (bits * self._total) >> 64)]


class Stream:
    """SplitMix64 (Steele, Lea, Flood 2014), seeded by the name of its owner."""

    __slots__ = ("_state",)

    def __init__(self, *name: object) -> None:
        digest = blake2b("/".join(map(str, name)).encode(), digest_size=8).digest()
        self._state = int.from_bytes(digest, "big")

    def bits(self) -> int:
        """The next 64 bits."""
        self._state = state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, limit: int) -> int:
        """0 to `limit` - 1, each as likely."""
        return (self.bits() * limit) >> 64

    def chance(self, percent: float) -> bool:
        """True in `percent` of 100 cases."""
        return self.below(1_000_000) < percent * 10_000

    def spread(self, quantiles: Sequence[int]) -> int:
        """A value from a distribution given by evenly spaced quantiles, straight lines between them."""
        place = self.bits() * (len(quantiles) - 1)
        low = quantiles[place >> 64]
        return low + (((quantiles[(place >> 64) + 1] - low) * (place & _MASK)) >> 64)

    def pick(self, weights: Weights[T]) -> T:
        return weights.at(self.bits())

    def choice(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]


class Guids:
    """GUIDs as Genesys servers make them: 32 characters of 0-9 and A-V, never twice in one run."""

    __slots__ = ("_count", "_key")

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return b32hexencode(blake2b(b"%d" % self._count, digest_size=20, key=self._key).digest()).decode()
