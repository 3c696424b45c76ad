"""Prose lies in Markdown beside the code, and each page uses all of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard import language as words_module
from dashboard.language import TEXTS, _, count, language, texts
from dashboard.navigation import View, views
from dashboard.panels.escape import plain


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_every_page_has_its_text(view: View) -> None:
    passages = texts(view.name)
    assert passages
    assert all(passages.values()), "an empty passage"


def test_every_text_belongs_to_a_page() -> None:
    known = {view.name for view in views()}
    assert {file.stem for file in (TEXTS / "en").glob("*.md")} == known


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_a_page_has_the_passages_it_names(view: View) -> None:
    named = set(re.findall(r"""words\[["'](\w+)["']\]""", view.file.read_text(encoding="utf-8")))
    assert named <= set(texts(view.name))


def test_every_passage_is_shown_somewhere() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in TEXTS.parent.rglob("*.py"))
    named = set(re.findall(r"""["'](\w+)["']""", code))
    for view in views():
        assert set(texts(view.name)) <= named, "delete the passages that no page shows"


def test_a_page_without_text_says_which_file_to_write() -> None:
    with pytest.raises(FileNotFoundError, match=r"write .*nothing\.md"):
        texts("nothing")


def test_text_outside_a_passage_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "page.md").write_text("lost\n\n# intro\n\nHello\n", encoding="utf-8")
    monkeypatch.setattr(words_module, "TEXTS", tmp_path)
    with pytest.raises(ValueError, match="belongs to no passage"):
        texts("page")


def test_another_language_needs_no_change_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, greeting in (("en", "Hello"), ("zh", "你好")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.md").write_text(f"# intro\n\n{greeting}\n", encoding="utf-8")
    (tmp_path / "en" / "other.md").write_text("# intro\n\nOnly English\n", encoding="utf-8")
    monkeypatch.setattr(words_module, "TEXTS", tmp_path)
    monkeypatch.setenv("DESCENT_LANGUAGE", "zh")
    assert texts("page")["intro"] == "你好"
    assert texts("other")["intro"] == "Only English"


@pytest.mark.parametrize("named", ["", "xx", "../en", "en/..", "C:\\"])
def test_a_language_without_texts_is_english(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCENT_LANGUAGE", named)
    assert language() == "en"


def test_an_untranslated_label_is_itself_and_numbers_are_counted() -> None:
    assert _("Runs") == "Runs"
    assert count(1, "{n} run", "{n} runs") == "1 run"
    assert count(1200, "{n} run", "{n} runs") == "1,200 runs"


@pytest.mark.parametrize(
    "name", ["*bold* `code`", "<b>x</b>", "$x$", ":red[x] :smile:", "[a](b)", "# x", "1. x"]
)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    escaped = plain(name)
    assert re.sub(r"\\(.)", r"\1", escaped) == name
    assert not re.search(r"(?<!\\)[*`<$:\[#.]", escaped)


def test_a_name_stays_on_its_line() -> None:
    assert plain("one\n\n# two") == r"one \# two"
