"""A model card: what a network is, how it was made and how well it does, in Markdown.

After Mitchell et al. 2019 (arXiv:1810.03993), with what can be read from the files; what only a person can
say is asked for in so many words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from dashboard.inspect_subject import Subject
from logs.curve import Curve
from logs.info import RunInfo, read_info
from logs.reader import RunReader
from models.summary import Summary

JUDGED = ("validation", "test")


def scores_of(reader: RunReader, step: int) -> dict[tuple[str, str], float]:
    """What the run measured with the weights of that step, by split and metric."""
    reader.refresh()
    found = {}
    for metric, split in reader.metrics():
        if split in JUDGED:
            value = _at(reader.curve(metric, split), step)
            if value is not None:
                found[split, metric] = value
    return found


def model_card(
    subject: Subject, summary: Summary | None, scores: Mapping[tuple[str, str], float] | None = None
) -> str:
    """The card. Names out of files stand in backticks, which Markdown takes as they are."""
    info = read_info(subject.directory) if subject.directory is not None else None
    parts = [
        f"# {_quoted(subject.model or subject.title)}",
        _about(subject, info),
        _network(subject, summary),
    ]
    if info is not None:
        parts.append(_training(info))
    parts.append(_scores(scores or {}))
    parts += [_use(subject), _limits()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(subject: Subject, info: RunInfo | None) -> str:
    rows = {
        "file": _quoted(subject.title),
        "SHA-256 of the file it was read from": f"`{subject.sha256}`",
        "epochs trained": subject.position.get("epoch", "not known"),
        "updates": subject.position.get("step", "not known"),
    }
    if info is not None:
        made = (
            datetime.fromtimestamp(info.created, UTC).strftime("%Y-%m-%d %H:%M UTC") if info.created else ""
        )
        rows |= {"run": _quoted(info.id), "made": made, "code": _quoted(info.git_commit or "not known")}
    return _rows(rows)


def _network(subject: Subject, summary: Summary | None) -> str:
    rows: dict[str, object] = {"architecture": _quoted(subject.model or "not known")}
    rows |= {f"setting {_quoted(name)}": _quoted(str(value)) for name, value in subject.settings.items()}
    if subject.input_shape:
        rows["input of one sample"] = " x ".join(map(str, subject.input_shape))
    if subject.class_names:
        rows["classes"] = ", ".join(_quoted(name) for name in subject.class_names)
    if summary is not None:
        whole = summary.whole
        rows |= {
            "parameters": f"{whole.parameters_below:,} ({whole.trainable_below:,} of them trainable)",
            "multiply-adds a sample": f"{whole.multiply_adds:,}",
            "memory of the weights": f"{summary.parameter_bytes / 1e6:,.2f} MB",
        }
    return "## The network\n\n" + _rows(rows)


def _training(info: RunInfo) -> str:
    rows: dict[str, object] = {"data set": _quoted(info.dataset or "not known"), "seed": info.seed}
    shown = (
        "task",
        "epochs",
        "batch_size",
        "optimizer",
        "learning_rate",
        "schedule",
        "loss",
        "augmentations",
    )
    rows |= {_quoted(name): _quoted(str(info.config[name])) for name in shown if name in info.config}
    rows |= {f"version of {_quoted(name)}": _quoted(version) for name, version in info.versions.items()}
    command = " ".join(info.command)
    again = f"\n\nThe same again:\n\n```\n{command.replace('`', '')}\n```" if command else ""
    return "## How it was trained\n\n" + _rows(rows) + again


def _scores(scores: Mapping[tuple[str, str], float]) -> str:
    if not scores:
        return "## How well it does\n\nNothing was measured with these very weights."
    lines = ["| split | metric | value |", "|---|---|---|"]
    lines += [
        f"| {split} | {_quoted(metric)} | {value:.5g} |" for (split, metric), value in sorted(scores.items())
    ]
    return "## How well it does\n\nMeasured with these very weights:\n\n" + "\n".join(lines)


def _use(subject: Subject) -> str:
    if not subject.model or subject.input_shape is None:
        return ""
    return (
        "## Use\n\nThe weights lie beside this card as safetensors. Inputs are normalised as the training "
        "data were.\n\n```python\nfrom safetensors.torch import load_file\n\n"
        'network.load_state_dict(load_file("weights.safetensors"))\nnetwork.eval()\n'
        f"outputs = network(inputs)  # inputs: [batch, {', '.join(map(str, subject.input_shape))}]\n```"
    )


def _limits() -> str:
    return (
        "## To be written by whoever passes it on\n\n"
        "- What it is meant for, and what it must not be used for.\n"
        "- Whom or what the data leave out, and how scores differ between groups.\n"
        "- What a wrong answer costs, and who notices."
    )


def _rows(rows: Mapping[str, object]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


def _quoted(text: str) -> str:
    """Data as code: on one line, its backticks and table bars replaced."""
    plain = " ".join(text.split()).replace("`", "'").replace("|", "/")
    return f"`{plain}`" if plain else ""


def _at(curve: Curve, step: int) -> float | None:
    places = (curve.step == step).nonzero()[0]
    return float(curve.value[places[-1]]) if len(places) else None
