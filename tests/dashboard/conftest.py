"""A dashboard without a browser, and runs for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
Open = Callable[..., AppTest]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of runs that the dashboard shows; empty."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("DESCENT_RUNS", str(folder))
    monkeypatch.setenv("DESCENT_VISDOM", "http://127.0.0.1:9")  # nothing listens there
    st.cache_resource.clear()
    options = ("server.enableStaticServing", "global.disableWidgetStateDuplicationWarning")
    before = {option: config.get_option(option) for option in options}
    for option in options:
        config.set_option(option, True)  # AppTest doesn't read the dashboard's own settings
    yield folder
    for option, value in before.items():
        config.set_option(option, value)


@pytest.fixture
def make_run(runs: Path) -> Iterator[Callable[..., Path]]:
    """make_run(steps=..., state=..., **RunWriter.create's settings) -> a run's folder."""
    from logs.status import read_status
    from logs.writer import RunWriter

    still_open = []

    def make(steps: int = 20, state: str = "finished", **settings: Any) -> Path:
        settings = {"model": "mlp", "dataset": "digits", "config": {"learning_rate": 0.1}, **settings}
        run = RunWriter.create(runs, **settings)
        for step in range(1, steps + 1):
            run.log(
                step, {"loss": float(np.exp(-step / 10)), "accuracy": 0.5}, split="train", epoch=step / 10
            )
            if step % 10 == 0:
                values = {"loss": float(np.exp(-step / 12)), "accuracy": step / 50}
                run.log(step, values, split="validation", epoch=step / 10)
        run.progress(epoch=steps / 10, epochs=steps / 10, step=steps, steps=steps, rate=100.0)
        if state != "running":
            run.finish(state, error="it broke" if state == "failed" else None)
            return Path(run.directory.path)
        still_open.append(run)
        limit = time.monotonic() + 20
        while (status := read_status(run.directory)) is None or not status.last or status.step < steps:
            assert time.monotonic() < limit, "no status was written"  # a thread does it, once a second
            time.sleep(0.05)
        return Path(run.directory.path)

    yield make
    for run in still_open:
        run.finish("stopped")


@pytest.fixture
def broken_run(runs: Path) -> Path:
    """A run whose run.json was torn."""
    folder = runs / "20260102T030405Z-mlp-digits-dead"
    folder.mkdir()
    (folder / "run.json").write_text("{torn", encoding="utf-8")
    return folder


@pytest.fixture
def open_page(runs: Path) -> Open:
    """open_page("runs", compare=[...]) -> the page as AppTest sees it, run once, without an exception."""

    def open_it(name: str = "home", **query: Any) -> AppTest:
        page = AppTest.from_file(str(APP), default_timeout=60)
        page.run()
        if name != "home":
            page.switch_page(f"views/{name}.py")
        for key, value in query.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception, page.exception[0].value
        return page

    return open_it


@pytest.fixture
def words() -> Callable[[AppTest], str]:
    """Everything a page says, as one text."""

    def collect(page: AppTest) -> str:
        kinds = ("title", "header", "subheader", "markdown", "caption", "text", "warning", "error", "info")
        texts = [item.proto.mixed.json or item.proto.json for item in page.get("bidi_component")]
        sent = [json.loads(text) for text in texts if text]  # some send bytes alone
        around = [data[name] for data in sent if "figure" in data for name in ("heading", "note")]
        return "\n".join([*(str(item.value) for kind in kinds for item in page.get(kind)), *around])

    return collect


@pytest.fixture
def figures() -> Callable[[AppTest], dict[str, dict[str, Any]]]:
    """The figures on a page, by their description: what was sent to the browser."""

    def collect(page: AppTest) -> dict[str, dict[str, Any]]:
        found = {}
        for item in page.get("bidi_component"):
            data = json.loads(item.proto.mixed.json or item.proto.json)
            if "figure" in data:  # another component otherwise
                found[data["description"]] = json.loads(data["figure"])
        return found

    return collect
