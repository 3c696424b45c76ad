"""What a sweep has found, in lines for a terminal."""

from __future__ import annotations

from training.search_space import shown_value
from training.sweep_results import SweepResults, Trial

ROWS = 20  # of the table that a sweep ends with; `--table` prints all
HIDDEN = ("runs", "error")  # columns that are too wide for a terminal; a CSV file has them


def report_lines(results: SweepResults, rows: int = ROWS) -> list[str]:
    """The best trials in a table of at most `rows`, what became of the others, what mattered, and the command
    that trains the best again.
    """
    lines = [table_text(results, rows)] if rows else []
    if rows and len(results.trials) > rows:
        lines.append(f"the best {rows} of {len(results.trials)} trials; all: --table {results.info.id}")
    states = [trial.state for trial in results.trials]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))
    lines.append(f"{len(results.trials)} of {results.count} trials: {counts or 'none has begun'}")
    if failed := [trial for trial in results.trials if trial.state == "failed"]:
        reason = (failed[0].error.strip().splitlines() or ["it doesn't say why"])[-1]
        lines.append(f"trial {failed[0].number + 1} failed: {reason}")
        if len(failed) > 1:
            lines.append(f"why {len(failed) - 1} more did: --table {results.info.id} --csv FILE")
    if importance := results.importance():
        shares = ", ".join(f"{name} {100 * share:.0f}%" for name, share in importance.items())
        lines.append(f"importance (fANOVA): {shares}")
    if results.best is not None:
        lines += [f"best: {sentence(results, results.best)}", f"train it: {results.best_command()}"]
    return lines


def sentence(results: SweepResults, trial: Trial) -> str:
    """A trial's parameters and scores in words."""
    parameters = ", ".join(f"{name} {shown_value(value)}" for name, value in trial.parameters.items())
    name = results.metric.title.lower()
    words = f"trial {trial.number + 1} ({parameters}): {name} {trial.score:.4g} on the validation data"
    if len(trial.scores) > 1:
        low, high = min(trial.scores), max(trial.scores)
        words += f", the mean of {len(trial.scores)} seeds from {low:.4g} to {high:.4g}"
    return f"{words}; {trial.test:.4g} on the test data"


def table_text(results: SweepResults, rows: int | None = None) -> str:
    """The table for a terminal, the best trials first, then those without a rank; at most `rows` of them."""
    table = results.table().set_index("trial", drop=False)
    ranked = [trial.number + 1 for trial in results.ranked]
    others = [number for number in table.index if number not in set(ranked)]
    table = table.loc[[*ranked, *others][:rows]].drop(columns=list(HIDDEN))
    return str(table.to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep=""))
