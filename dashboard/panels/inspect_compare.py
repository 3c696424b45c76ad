"""Two checkpoints on the same samples: where answers differ, how alike layers are, size against score."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st
import torch

from dashboard.charts.likeness import cka_chart, size_chart
from dashboard.language import _, texts
from dashboard.panels.bounded import noted_problem
from dashboard.panels.escape import plain
from dashboard.panels.inspect_data import drawn_rows, thumbnail
from dashboard.panels.inspect_look import loaded, look_of
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_store import listed_runs
from dashboard.settings import read_settings
from logs.catalog import RunSummary
from models.model import trainable_parameters
from models.probes import layer_outputs
from training.inspected import Inspected, answers, batches_of, chosen_rows, part_of
from training.representation import Disagreement, cka_table, disagreement, gram

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

ANSWERED = 1000  # samples whose answers are compared
ALIGNED = 200  # samples whose Gram matrices are compared
AT_ONCE = 50
MOST_LAYERS = 40
SHOWN = 40
QUIET = ("BatchNorm2d", "BatchNorm1d", "Dropout", "Dropout2d", "Identity", "Flatten")  # say nothing new
OTHER = "inspect_other"


@dataclass(frozen=True, eq=False)
class Compared:
    """Both networks' answers for the same rows of the first one's test split, and CKA of their layers."""

    rows: np.ndarray
    first: np.ndarray
    second: np.ndarray
    found: Disagreement
    layers: tuple[list[str], list[str]]
    alike: np.ndarray


def compare_tab(subject: Subject) -> None:
    """Choose another checkpoint; both are asked about the same samples."""
    words = texts("inspect_model")
    look = look_of(subject)
    if look is None:
        return
    if look.data.num_classes is None:
        st.info(words["only_classes"], icon=":material/category:")
        return
    other = _other(look, words)
    if other is None:
        return
    split = next(name for name in ("test", "validation", "train") if len(getattr(look.data, name)))
    compared = _compared(look, other, split)
    _answers(look, other, split, compared)
    st.subheader(_("Layers: centred kernel alignment"))
    st.caption(words["cka"])
    rows, columns = compared.layers
    plot(
        cka_chart(compared.alike, rows, columns, (_title(look), _title(other))),
        "inspect_cka", height=560, description=_("CKA of layers"),
    )  # fmt: skip
    _sizes(look, other)


def _other(look: Inspected, words: Mapping[str, str]) -> Inspected | None:
    """The other checkpoint: of another run on this data, or another moment of this one."""
    settings = read_settings()
    dataset = look.data.name
    runs = [
        run for run in listed_runs(settings.runs)
        if run.dataset == dataset and list(run.directory.checkpoints.glob("*.safetensors"))
    ]  # fmt: skip
    options = {
        f"{run.id}/{path.stem}": f"{run.name or run.id} · {path.stem}"
        for run in runs
        for path in sorted(run.directory.checkpoints.glob("*.safetensors"))
        if look.directory is None or (run.id, path.stem) != (look.directory.id, look.checkpoint)
    }
    if not options:
        st.info(words["no_other"], icon=":material/compare:")
        return None
    chosen = named_choice(
        _("Compared with"),
        list(options),
        next(iter(options)),
        OTHER,
        lambda name: options.get(name, name),
        width=520,
    )
    run_id, checkpoint = chosen.split("/", 1)
    directory = next(run.directory for run in runs if run.id == run_id)
    other = loaded(directory.path, checkpoint)
    if isinstance(other, str):
        st.error(plain(other))
        return None
    if other.data.input_shape != look.data.input_shape or other.data.class_names != look.data.class_names:
        noted_problem(OTHER, words["other_shape"])
        st.info(words["other_shape"], icon=":material/block:")
        return None
    return other


def _compared(look: Inspected, other: Inspected, split: str) -> Compared:
    key = (look.fingerprint, other.fingerprint)
    kept: dict[object, Compared] = st.session_state.setdefault("inspect_compared", {})
    if key not in kept:
        part = part_of(look.data, split)
        rows, few = (chosen_rows(part, size, seed=0) for size in (ANSWERED, ALIGNED))
        bar = st.progress(0.0, _("Both networks look at the same samples"))

        def watch(start: float) -> object:
            def told(done: int) -> bool:
                bar.progress(min(1.0, start + 0.25 * done / len(rows)))
                return True

            return told

        said = []
        for number, each in enumerate((look, other)):
            # the other network sees the first one's samples, normalised as its own data was
            found = answers(_seen(each, look), split, rows, watch=watch(0.25 * number))  # type: ignore[arg-type]
            assert found is not None
            said.append(found)
        sides = [_grams(_seen(each, look), split, few, bar, 0.5 + 0.25 * number)
                 for number, each in enumerate((look, other))]  # fmt: skip
        kept.clear()
        kept[key] = Compared(
            rows,
            said[0].predictions,
            said[1].predictions,
            disagreement(said[0].targets, said[0].predictions, said[1].predictions),
            (list(sides[0]), list(sides[1])),
            cka_table(list(sides[0].values()), list(sides[1].values())),
        )
        bar.empty()
    return kept[key]


def _seen(each: Inspected, like: Inspected) -> Inspected:
    """The network of `each` with the samples of `like`: both data sets are one, cut and normalised alike or
    not, and what counts is what a network makes of the pictures it was made for.
    """
    if each is like or (each.data.mean == like.data.mean and each.data.std == like.data.std):
        return dataclasses.replace(each, data=like.data)
    return dataclasses.replace(each, data=like.data, network=_Renormalised(each, like))


class _Renormalised(torch.nn.Module):
    """A network behind a change from one normalisation to another."""

    def __init__(self, each: Inspected, like: Inspected) -> None:
        super().__init__()
        shape = (-1, *(1 for _size in like.data.input_shape[1:]))
        self.from_mean, self.from_std, self.to_mean, self.to_std = (
            torch.tensor(values, dtype=torch.float32).reshape(shape)
            for values in (like.data.mean, like.data.std, each.data.mean, each.data.std)
        )
        self.network = each.network
        self.eval()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.network(
            (inputs * self.from_std + self.from_mean - self.to_mean) / self.to_std
        )
        return output


def _grams(look: Inspected, split: str, rows: np.ndarray, bar: object, start: float) -> dict[str, np.ndarray]:
    """The Gram matrix of every layer that says something new, from outputs gathered batch by batch."""
    gathered: dict[str, list[np.ndarray]] = {}
    chosen: list[str] | None = None
    done = 0
    for inputs, _targets in batches_of(part_of(look.data, split), rows, AT_ONCE):
        found = [layer for layer in layer_outputs(look.network, inputs) if layer.kind not in QUIET]
        if chosen is None:
            names = [layer.name for layer in found if layer.name != "network"]
            every = -(-len(names) // MOST_LAYERS)
            chosen = [
                name for place, name in enumerate(names) if place % every == 0 or place == len(names) - 1
            ]
        for layer in found:
            if layer.name in chosen:
                gathered.setdefault(layer.name.removeprefix("network."), []).append(
                    layer.values.float().numpy()
                )
        done += len(inputs)
        bar.progress(min(1.0, start + 0.25 * done / len(rows)))  # type: ignore[attr-defined]
    return {name: gram(np.concatenate(parts)) for name, parts in gathered.items()}


def _answers(look: Inspected, other: Inspected, split: str, compared: Compared) -> None:
    found = compared.found
    with st.container(horizontal=True, gap="large"):
        st.metric(
            _("Told differently"), f"{found.share:.1%}", help=_("of {n:,} samples").format(n=found.samples)
        )
        st.metric(_("Cohen's kappa"), f"{found.kappa:.3f}", help=_("1: the same answers; 0: by chance"))
        st.metric(_("Both right"), f"{found.both_right / found.samples:.1%}")
        st.metric(_("Only the first"), f"{found.only_first_right / found.samples:.1%}")
        st.metric(_("Only the second"), f"{found.only_second_right / found.samples:.1%}")
        st.metric(_("Both wrong"), f"{found.both_wrong / found.samples:.1%}")
    if not len(found.differ):
        st.caption(_("Both say the same of every sample."))
        return
    names = look.data.class_names
    chosen = found.differ[:SHOWN]
    part = part_of(look.data, split)
    targets = part.targets.cpu().numpy()[compared.rows[chosen]]
    frame = pd.DataFrame(
        {
            "is": [names[int(number)] for number in targets],
            "first says": [names[int(number)] for number in compared.first[chosen]],
            "second says": [names[int(number)] for number in compared.second[chosen]],
            "index": part.indices[compared.rows[chosen]],
        }
    )
    if len(look.data.input_shape) == 3:
        pictures = drawn_rows(look.data, split, [int(row) for row in compared.rows[chosen]])
        frame.insert(0, "picture", [thumbnail(picture) for picture in pictures])
    st.dataframe(
        frame, hide_index=True, row_height=58, height=min(330, 40 + 58 * len(frame)),
        column_config={"picture": st.column_config.ImageColumn(_("picture"), width="small")},
        alt=_("Samples told differently"),
    )  # fmt: skip


def _sizes(look: Inspected, other: Inspected) -> None:
    """Parameters and test accuracy of every finished run on this data."""
    st.subheader(_("Size against score"))
    known: list[tuple[RunSummary, float]] = []
    for run in listed_runs(read_settings().runs):
        score = _score(run)
        if run.dataset == look.data.name and score is not None:
            known.append((run, score))
    sized = [(run, score, _parameters(run.directory.path)) for run, score in known]
    shown = [(run, score, size) for run, score, size in sized if size]
    if not shown:
        st.caption(_("No finished run on this data has a test accuracy yet."))
        return
    ids = {each.directory.id for each in (look, other) if each.directory is not None}
    plot(
        size_chart(
            [size for _run, _score, size in shown],
            [score for _run, score, _size in shown],
            [run.name or run.model for run, _score, _size in shown],
            [place for place, (run, _score, _size) in enumerate(shown) if run.id in ids],
        ),
        "inspect_sizes", height=380, description=_("Test accuracy over parameters"),
    )  # fmt: skip


def _score(run: RunSummary) -> float | None:
    """Its accuracy on the test data; None where it has none."""
    return None if run.status is None else run.status.last.get("test", {}).get("accuracy")


@st.cache_data(max_entries=500, show_spinner=False)
def _parameters(directory: Path) -> int:
    """Trainable numbers of a run's network, from its configuration alone; 0 where it can't be built."""
    from training.checkpoints import CheckpointError, load_checkpoint

    for path in sorted((directory / "checkpoints").glob("*.safetensors")):
        try:
            checkpoint = load_checkpoint(path)
            with torch.device("meta"):
                return trainable_parameters(checkpoint.network.build())
        except (CheckpointError, ValueError, RuntimeError, NotImplementedError):
            return 0
    return 0


def _title(look: Inspected) -> str:
    return _("the file") if look.directory is None else f"{look.directory.id} · {look.checkpoint}"
