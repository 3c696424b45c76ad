"""Histograms of many networks' parameters, as a function that numba makes machine code of.

`training.stacked_pictures` calls it where compiled steps are at hand (`training.compiled_steps`).
"""

from __future__ import annotations

import inspect
from typing import Any

import numba
import numpy as np

COUNTERS = 4  # a count each for neighbours, which often fall into one bin
# The bits of float32 as a whole number: with these turned where the sign is set, they are in the order of the
# numbers, and the least is found 16 values at once
TURNED, SIGN = np.int32(0x7FFFFFFF), np.int32(31)
INFINITE = np.int32(0x7F800000)


def count(
    values: Any,  # float32 [rows, numbers]
    parts: Any,  # int64 [parts, 2]: where each begins and ends in `numbers`
    counts: Any,  # float64 [rows, parts, bins]
    ends: Any,  # float32 [rows, parts, 2]: the least value of each and the greatest
) -> None:
    """Counts the values of each part of each row, in bins of equal width from the least to the greatest one.
    Where a value is no finite number, or all are nearly alike, it does not, and the ends are no numbers.
    """
    bins = counts.shape[2]
    all_bits, ends_bits = values.view(np.int32), ends.view(np.int32)
    places = np.empty((parts[:, 1] - parts[:, 0]).max(), np.int32)
    found = np.empty((COUNTERS, bins + 1), np.int32)
    for row in range(len(values)):
        for part in range(len(parts)):
            begin, end = parts[part]
            own, bits = values[row, begin:end], all_bits[row, begin:end]
            numbers = len(own)
            low, high = TURNED, np.int32(~TURNED)
            for i in range(numbers):
                key = np.int32(bits[i] ^ np.int32(np.int32(bits[i] >> SIGN) & TURNED))
                low, high = np.int32(min(low, key)), np.int32(max(high, key))
            ends_bits[row, part, 0] = low ^ ((low >> SIGN) & TURNED)
            ends_bits[row, part, 1] = high ^ ((high >> SIGN) & TURNED)
            least, span = ends[row, part, 0], np.float64(ends[row, part, 1]) - ends[row, part, 0]
            if high >= INFINITE or low <= ~INFINITE or not 1e-30 < span < 1e30:
                ends[row, part] = np.nan
                continue
            # The highest values come to stand at `bins`, in a bin of their own that is added to the last one
            scale = np.float32(bins / span)
            for i in range(numbers):
                places[i] = np.int32((own[i] - least) * scale)
            found[:] = 0
            for i in range(numbers):
                found[i % COUNTERS, places[i]] += 1
            for place in range(bins):
                counts[row, part, place] = found[:, place].sum()
            counts[row, part, bins - 1] += found[:, bins].sum()


# numba compiles what is inside of what tests put around functions to check types
compiled_count = numba.njit(cache=True, nogil=True, error_model="numpy")(inspect.unwrap(count))
