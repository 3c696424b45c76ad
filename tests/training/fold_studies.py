"""Small run directories of a cross-validation, as its driver and its folds' trainings write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from logs.writer import RunWriter
from training.config import RunConfig
from training.fold_files import write_assignment
from training.fold_schemes import FoldPlan
from training.train import directions

CLASSES = load_iris().target.astype(np.int64)
NAMES = ("setosa", "versicolor", "virginica")
CONFIG = RunConfig(dataset="iris", model="linear", epochs=3, batch_size=16)


def said(index: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities [samples, 3] that are right mostly."""
    random = np.random.default_rng([seed, int(index.sum())])
    logits = random.normal(size=(len(index), 3)) + 2.0 * np.eye(3)[CLASSES[index]]
    return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)


def study(runs: Path, plan: FoldPlan, config: RunConfig = CONFIG) -> str:
    run = RunWriter.create(
        runs,
        model=config.model,
        dataset=config.dataset,
        config=config.to_dict(),
        kind="kfold",
        study={"scheme": plan.scheme, "folds": len(plan.folds)},
    )
    write_assignment(run.directory, plan.folds)
    run.finish()
    return run.directory.id


def member(
    runs: Path,
    study_id: str,
    plan: FoldPlan,
    place: int,
    seed: int = 0,
    state: str = "finished",
    error: str = "the loss became nan at step 3",
) -> str:
    """A run of three epochs as a training writes it: the second is the best, the test is of it. `error`: why
    it failed, where it did.
    """
    fold = plan.folds[place]
    run = RunWriter.create(
        runs,
        model="linear",
        dataset="iris",
        config=CONFIG.to_dict(),
        kind="fold",
        group=study_id,
        member={"repeat": fold.repeat, "fold": fold.fold},
        higher_is_better=directions(),
    )
    run.progress(epochs=3, steps=30)
    for epoch, accuracy in ((1, 0.6), (2, 0.9), (3, 0.8)):
        run.log(10 * epoch, {"loss": 1 / epoch, "accuracy": accuracy}, split="validation", epoch=epoch)
        run.progress(epoch=epoch, step=10 * epoch)
    index = fold.split.test
    chances = said(index, seed)
    if state == "finished":
        own = {"loss": log_loss(CLASSES[index], chances, labels=range(3))}
        own["accuracy"] = accuracy_score(CLASSES[index], chances.argmax(axis=1))
        run.log(20, own, split="test", epoch=2)
        counts = confusion_matrix(CLASSES[index], chances.argmax(axis=1), labels=range(3))
        run.matrix(20, "confusion", counts, list(NAMES), split="test", epoch=2)
        run.predictions(
            "test",
            index=index,
            target=CLASSES[index],
            prediction=chances.argmax(axis=1),
            probabilities=chances,
            step=20,
            epoch=2,
        )
    run.finish(state, error=error if state == "failed" else None)
    return run.directory.id
