"""Runs that are studies, and runs that are members of one: what lists and links need to know."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.language import _, mark
from dashboard.navigation import views
from logs.catalog import RunSummary

# The page of each kind of study, and what the kind is called; the address names the study in `study`.
PAGES = {
    "kfold": mark("K-fold"),
    "sweep": mark("Sweep"),
    "guided": mark("Guided set"),
    "landscape_comparison": mark("Comparison of landscapes"),
}

# Schemes that the number of folds doesn't describe (training.fold_schemes has them all, and imports PyTorch).
SCHEMES = {
    "leave_one_out": mark("leave one out"),
    "five_by_two": mark("5 × 2-fold"),
    "holdout": mark("hold-out"),
}


def is_study(run: RunSummary) -> bool:
    """True for a run that leads others: a K-fold or a sweep."""
    return run.kind in PAGES


def is_member(run: RunSummary) -> bool:
    """True for a run that a study made: one fold, one trial."""
    return run.info is not None and bool(run.info.group and run.info.member)


def without_members(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """The runs, without the members of those studies that are listed themselves."""
    listed = {run.id for run in runs if is_study(run)}
    return [run for run in runs if not (is_member(run) and run.group in listed)]


def members_of(study: str, runs: Sequence[RunSummary]) -> list[RunSummary]:
    return [run for run in runs if run.group == study and is_member(run)]


def page_of(run: RunSummary) -> tuple[str, dict[str, str]]:
    """The page that shows the run, and the part of the address that names it there."""
    if run.kind == "guided":  # one page shows all studies of a set, which the address describes
        config, name = run.config, "" if run.dataset == "digits" else f"_{run.dataset}"
        sizes = {"real_samples": config.get("train_samples"), "real_epochs": config.get("epochs")}
        query = {f"{key}{name}": str(value) for key, value in sizes.items()}
        return "real_images", {"real_dataset": run.dataset, **query}
    if run.kind == "landscape_comparison":
        return "landscape", {"landscape_tab": _("Compare"), "landscape_study": run.id}
    pages = {view.name for view in views()}
    return (run.kind, {"study": run.id}) if is_study(run) and run.kind in pages else ("run", {"run": run.id})


def kind_words(run: RunSummary) -> str:
    """Like "5 × 10-fold", "sweep" or "repeat 1 · fold 3"; empty for a training of its own."""
    if run.info is None:
        return ""
    if is_member(run):
        return member_words(run)
    if not is_study(run):
        return ""
    scheme, folds, repeats = (run.info.study.get(name) for name in ("scheme", "folds", "repeats"))
    if scheme in SCHEMES:
        return _(SCHEMES[scheme])
    if run.kind != "kfold" or not isinstance(folds, int) or folds < 2:
        return _(PAGES[run.kind])
    words = _("{folds}-fold").format(folds=folds)
    if scheme == "group":
        words = _("{folds} by group").format(folds=words)
    if scheme == "nested":
        words = _("nested {folds}").format(folds=words)
    return f"{repeats} × {words}" if isinstance(repeats, int) and repeats > 1 else words


def member_words(run: RunSummary) -> str:
    """Which member of its study, counted from 1 as people count: "repeat 1 · fold 3"."""
    member = run.info.member if run.info is not None else {}
    parts = [
        f"{_(str(name))} {value + 1}" if isinstance(value, int) else f"{_(str(name))} {value}"
        for name, value in member.items()
    ]
    return " · ".join(parts)
