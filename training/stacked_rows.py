"""The rows of many runs' steps and epochs, in blocks: a call for each row takes longer than the row."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from logs.writer import RunWriter
from training.batched import StepScores
from training.observe import PACE

EpochTables = Mapping[str | None, Mapping[str, np.ndarray]]  # values [members] by metric, by split


class NotedEpoch(NamedTuple):
    """What is to be logged of an epoch's end, arrays [members]."""

    members: np.ndarray  # their numbers
    steps: np.ndarray
    epoch: int
    tables: EpochTables


def log_steps(runs: Sequence[RunWriter], waiting: Sequence[StepScores]) -> None:
    """The rows of these steps, a block for each member; `runs` are by the members' numbers."""
    for _, group in itertools.groupby(waiting, key=lambda scores: scores.members.tobytes()):
        blocks = list(group)
        steps, epochs, valid, rates = (
            np.ascontiguousarray(np.concatenate([getattr(block, name) for block in blocks]).T)
            for name in ("steps", "epochs", "valid", "learning_rates")
        )
        values = {
            name: np.ascontiguousarray(np.concatenate([block.values[name] for block in blocks]).T)
            for name in blocks[0].values
        }
        whole = bool(valid.all())
        for column, number in enumerate(blocks[0].members.tolist()):
            rows = slice(None) if whole else valid[column]
            own = {name: array[column][rows] for name, array in values.items()}
            runs[number].log_rows(steps[column][rows], own, split="train", epochs=epochs[column][rows])
            paced = (steps[column] % PACE == 0) & valid[column]
            if paced.any():
                rate = {"learning_rate": rates[column][paced]}
                runs[number].log_rows(steps[column][paced], rate, epochs=epochs[column][paced])


def log_epochs(runs: Sequence[RunWriter], noted: Sequence[NotedEpoch], blind: Collection[int]) -> None:
    """The rows of these epochs, a block for each member and split. Members in `blind` have no validation
    samples, and so no scores of these.
    """
    for _, group in itertools.groupby(noted, key=lambda each: each.members.tobytes()):
        found = list(group)
        steps = np.stack([each.steps for each in found], axis=1)
        passes = np.array([each.epoch for each in found], np.float64)
        for split, names in found[0].tables.items():
            values = {name: np.stack([each.tables[split][name] for each in found], axis=1) for name in names}
            for column, number in enumerate(found[0].members.tolist()):
                if split != "validation" or number not in blind:
                    own = {name: array[column] for name, array in values.items()}
                    runs[number].log_rows(steps[column], own, split, passes)
