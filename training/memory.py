"""What the machine does with memory that was freed, and with numbers that are nearly 0."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator

import torch


@functools.cache
def keep_freed_memory() -> None:
    """From now on this process keeps what it has freed, where it runs on glibc: that gives large pieces back
    to the kernel at every turn, and clearing them anew when the next tensor takes them was a sixth of a
    landscape's time, and a twentieth of ten small trainings at once. Elsewhere this does nothing.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # M_TRIM_THRESHOLD and so on, in malloc.h
    with contextlib.suppress(OSError, AttributeError):
        allocator = ctypes.CDLL("libc.so.6")
        allocator.mallopt(trim_threshold, 2**30)
        allocator.mallopt(top_pad, 2**26)
        allocator.mallopt(mmap_threshold, 2**30)


@contextlib.contextmanager
def tiny_as_zero() -> Iterator[None]:
    """In this block and thread numbers nearer to 0 than 1e-38 count as 0. To be as exact as float32 can be
    there takes a processor many times as long, and moments of gradients that are 0, such as those of a unit
    that is never active, come to be so small within some hundred updates.
    """
    before = not bool(torch.tensor(1e-39) * 1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
