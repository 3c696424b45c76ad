"""The trials of a sweep as a table: the best first, then those without a rank."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from dashboard.charts.trials import value_text
from logs.status import duration_text
from training.sweep_results import SweepResults, Trial

# What a trial can be beside what a run can: Streamlit's name of a colour, and a mark that reads without one.
TRIAL_STATES = {"pruned": ("violet", "✂"), "waiting": ("gray", "…"), "incomplete": ("gray", "◌")}


def ordered_trials(results: SweepResults) -> list[Trial]:
    """The finished ones, the best first, then the others in the order of their numbers."""
    ranked = list(results.ranked)
    numbers = {trial.number for trial in ranked}
    return [*ranked, *(trial for trial in results.trials if trial.number not in numbers)]


def trial_frame(results: SweepResults, trials: Sequence[Trial]) -> pd.DataFrame:
    """A row for each of these trials; numbers stay numbers, so that a click on a column's head sorts."""
    ranks = {trial.number: float(place + 1) for place, trial in enumerate(results.ranked)}
    columns: dict[str, object] = {
        "rank": pd.Series([ranks.get(trial.number, math.nan) for trial in trials], dtype="float64"),
        "trial": [trial.number + 1 for trial in trials],
        "state": [[trial.state] for trial in trials],
    }
    for name in results.space.names:
        values = [trial.parameters[name] for trial in trials]
        are_numbers = all(type(value) in (int, float) for value in values)
        columns[f"set_{name}"] = values if are_numbers else [value_text(value) for value in values]
    return pd.DataFrame(
        {
            **columns,
            "score": [trial.score for trial in trials],
            "spread": [trial.spread for trial in trials],
            "lowest": [min(trial.scores, default=math.nan) for trial in trials],
            "highest": [max(trial.scores, default=math.nan) for trial in trials],
            "test": [trial.test for trial in trials],
            "epochs": [trial.epochs for trial in trials],
            "time": [duration_text(trial.seconds) for trial in trials],
            "error": [
                trial.error.strip().splitlines()[-1] if trial.error.strip() else "" for trial in trials
            ],
        }
    )
