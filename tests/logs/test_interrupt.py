"""Ctrl-C that can't be lost, and what it leaves as it was."""

from __future__ import annotations

import signal
import sys
import threading
import time

import pytest

from logs.interrupt import Interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="raise_signal ends a process there")


def test_a_press_inside_a_finalizer_ends_the_next_wait() -> None:
    class Dropped:
        def __del__(self) -> None:  # Python prints what is raised here and goes on
            signal.raise_signal(signal.SIGINT)

    with Interrupt() as interrupt:
        Dropped()  # and gone
        assert interrupt.pressed
        with pytest.raises(KeyboardInterrupt):
            interrupt.wait(60)


def test_a_press_ends_a_wait_that_has_begun() -> None:
    with Interrupt() as interrupt:
        press = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
        press.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            interrupt.wait(60)
        assert time.monotonic() - began < 30
        press.join()


def test_a_second_press_interrupts_at_once() -> None:
    with Interrupt():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_former_handler_comes_back_and_other_threads_set_none() -> None:
    former = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        assert signal.getsignal(signal.SIGINT) != former
        interrupt.wait(0)
    assert signal.getsignal(signal.SIGINT) == former

    def elsewhere() -> None:
        with Interrupt() as other:
            seen.append(signal.getsignal(signal.SIGINT))
            other.wait(0)

    seen: list[object] = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [former]
