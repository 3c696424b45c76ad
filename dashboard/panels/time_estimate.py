"""How long the training will take: from earlier runs at once, else from a few steps timed apart from here."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.run_store import run_catalog
from dashboard.settings import Settings
from training.config import RunConfig
from training.estimate import WORK, Estimate, from_runs, from_trial

STILL = 1.5  # seconds for which the form must rest before steps are timed: not at each move of a slider
KEPT = 100  # trials remembered


@dataclass
class Trials:
    """Trials by what they time, one at a time; shared by all sessions."""

    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "trial"))
    known: dict[Hashable, Future[Estimate]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, config: RunConfig, data: Path) -> Future[Estimate]:
        """The trial of this work, started where there is none; it times one epoch's worth."""
        key = work_of(config)
        with self.lock:
            for other, waiting in list(self.known.items()):
                if other != key and waiting.cancel():  # the form has moved on before its turn came
                    del self.known[other]
            if key not in self.known:
                while len(self.known) >= KEPT:
                    del self.known[next(iter(self.known))]
                self.known[key] = self.pool.submit(from_trial, config.replace(epochs=1), data)
            return self.known[key]


def work_of(config: RunConfig) -> Hashable:
    """What decides how long an epoch takes; two configurations of equal work share one trial."""
    values = config.to_dict()
    return tuple(repr(values.get(name)) for name in WORK)


def time_estimate(config: RunConfig, settings: Settings) -> None:
    """A caption with the time; it fills itself in when a trial is done."""
    known = from_runs(config, run_catalog(settings.runs).rows())
    if known is not None:
        _say(known)
        return
    trials = _trials()
    work = work_of(config)
    moved = st.session_state.get("new_run_work")
    if moved is None or moved[0] != work:
        st.session_state["new_run_work"] = (work, time.monotonic())
    done = trials.known.get(work)
    if done is not None and done.done():
        _say(_over(done.result(), config.epochs))
        return

    @st.fragment(run_every=0.5)
    def waiting() -> None:
        st.caption(_("Time: trying a few steps ..."))
        since = st.session_state.get("new_run_work", (work, 0.0))[1]
        if time.monotonic() - since >= STILL and trials.ask(config, settings.data).done():
            st.rerun()

    waiting()


@st.cache_resource(show_spinner=False)
def _trials() -> Trials:
    return Trials()


def _over(epoch: Estimate, epochs: int) -> Estimate:
    return Estimate(epoch.seconds * epochs, epoch.basis)


def _say(estimate: Estimate) -> None:
    shown = Estimate(max(1.0, estimate.seconds), estimate.basis) if estimate.seconds < 1 else estimate
    st.caption(_("Time: {estimate}").format(estimate=plain(str(shown))))
