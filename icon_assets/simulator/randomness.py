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

    __slots__ = ("_sums", "_things")

    def __init__(self, weights: Mapping[T, int]) -> None:
        self._things = tuple(weights)
        self._sums = tuple(accumulate(weights.values()))

    def at(self, bits: int) -> T:
        """The thing at `bits` / 2^64 of the way."""
        return self._things[bisect_right(self._sums, (bits * self._sums[-1]) >> 64)]


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
        """One of the weighted things."""
        return weights.at(self.bits())

    def choice(self, things: Sequence[T]) -> T:
        """One of the things, each as likely."""
        return things[self.below(len(things))]

    def shuffle(self, things: list[T]) -> None:
        """In place (Fisher and Yates)."""
        for place in range(len(things) - 1, 0, -1):
            other = self.below(place + 1)
            things[place], things[other] = things[other], things[place]


class Guids:
    """GUIDs as Genesys servers make them: 32 characters of 0-9 and A-V, never twice in one run."""

    __slots__ = ("_connids", "_count", "_key")

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()
        self._count = 0
        self._connids = 0x0071_0250_0000_0000

    def next(self) -> str:
        """A new one."""
        self._count += 1
        return b32hexencode(blake2b(b"%d" % self._count, digest_size=20, key=self._key).digest()).decode()

    def connid(self) -> str:
        """A connection id as T-Servers write them: 16 hexadecimal digits that grow."""
        self._connids += 1
        return f"{self._connids:016x}"
