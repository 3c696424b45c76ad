"""Browser and server compared on many pictures of the test data."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.draw_subject import DrawSubject, answered, largest_differences, pictures_of_the_test
from dashboard.language import _
from dashboard.panels.draw_board import Checked

CHECK, CHECKED = "draw_check", "draw_checked"  # of the session
TOLERANCE = 1e-4


def asked_check(network: str) -> str:
    """The comparison that was asked for with this network; "" for none."""
    asked = str(st.session_state.get(CHECK, ""))
    return asked if asked.startswith(f"{network}|") else ""


@st.cache_resource(max_entries=2, show_spinner=_("Reading the test data"))
def known_pictures(_subject: DrawSubject, run: str, data: str) -> tuple[np.ndarray, list[int]]:
    """The pictures of `pictures_of_the_test`, read once for each run."""
    return pictures_of_the_test(_subject, Path(data))


def check_button(
    subject: DrawSubject, network: str, checked: Checked | None, words: Mapping[str, str], data: Path
) -> None:
    """The button that asks for it, and what came of it. `checked` is what the board has told."""

    def ask() -> None:
        st.session_state[CHECK] = f"{network}|{uuid.uuid4().hex}"
        st.session_state.pop(CHECKED, None)

    pressed = st.button(
        _("Compare on the test pictures"),
        key="draw_check_button",
        icon=":material/balance:",
        on_click=ask,
        help=words["check"],
    )
    if pressed:
        st.rerun()  # the whole page: it brings the pictures
    asked = asked_check(network)
    if not asked:
        return
    if checked is None or checked.check != asked:
        st.caption(_("The browser is answering them."))
        return
    if st.session_state.get(CHECKED, {}).get("check") != asked:
        with st.spinner(_("PyTorch is answering them.")):
            st.session_state[CHECKED] = _judged(subject, checked, data)
    _show_check(st.session_state[CHECKED], words)


def _judged(subject: DrawSubject, checked: Checked, data: Path) -> dict[str, object]:
    """The browser's outputs for the test pictures beside PyTorch's."""
    pictures, targets = known_pictures(subject, str(subject.directory.path), str(data))
    parts, seconds = [], 0.0
    for start in range(0, len(pictures), 100):
        outputs, taken = answered(subject, pictures[start : start + 100].astype(np.float32) / 255)
        parts.append(outputs)
        seconds += taken
    ours = {name: np.concatenate([part[name] for part in parts]) for name in checked.outputs}
    theirs = checked.outputs["probabilities"].reshape(len(pictures), -1).argmax(axis=1)
    said = ours["probabilities"].argmax(axis=1)
    return {
        "check": checked.check,
        "count": len(pictures),
        "differences": largest_differences(ours, checked.outputs),
        "other_class": int((theirs != said).sum()),
        "accuracy": [float((each == np.array(targets)).mean()) for each in (theirs, said)],
        "milliseconds": [1000 * each / len(pictures) for each in (checked.seconds, seconds)],
    }  # fmt: skip


def _show_check(found: Mapping[str, object], words: Mapping[str, str]) -> None:
    differences: Mapping[str, float] = found["differences"]  # type: ignore[assignment]
    largest = max(differences.values())
    sentence = _("Largest difference over {count:,} pictures: {largest:.1e}; {other} of them another class.")
    said = sentence.format(count=found["count"], largest=largest, other=found["other_class"])
    (st.success if largest < TOLERANCE else st.warning)(
        said, icon=":material/check:" if largest < TOLERANCE else ":material/error:"
    )
    accuracy, taken = found["accuracy"], found["milliseconds"]
    table = pd.DataFrame(
        {
            _("where"): [_("in the browser"), _("PyTorch on the server")],
            _("accuracy"): [f"{share:.2%}" for share in accuracy],  # type: ignore[attr-defined]
            _("a picture, ms"): [f"{each:.2f}" for each in taken],  # type: ignore[attr-defined]
        }
    )
    st.dataframe(table, hide_index=True, width="content", alt=_("Browser and server compared"))
    names = {"logits": _("logits"), "probabilities": _("probabilities"), "contributions": _("contributions")}
    parts = [f"{names.get(name, name)} {value:.1e}" for name, value in differences.items()]
    st.caption(" · ".join(parts) + ". " + words["rounding"])
