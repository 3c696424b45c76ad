"""Which panes a run's metrics become."""

from __future__ import annotations

from pathlib import Path

from logs.visdom_picture import Picture
from logs.writer import RunWriter


def test_a_metric_of_whole_epochs_lies_on_the_pane_of_its_batches(tmp_path: Path) -> None:
    with RunWriter.create(tmp_path, model="mlp", dataset="digits") as run:
        for step in range(1, 5):
            run.log(step, {"loss": 1 / step}, split="train")
        run.log(4, {"epoch_loss": 0.5, "epoch_time": 2.0}, split="train")
        run.log(4, {"loss": 0.4}, split="validation")
    panes = {pane.title: pane for pane in Picture(run.directory).panes()}
    assert [trace["name"] for trace in panes["loss"].data] == ["train", "validation", "train (epoch)"]
    assert "epoch loss" not in panes
    assert "epoch time" in panes, "a metric that no step has keeps its own pane"
