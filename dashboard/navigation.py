"""The pages, in the order the sidebar shows them: one line each, and a file of that name in views/."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.language import _, mark

VIEWS = Path(__file__).resolve().parent / "views"


@dataclass(frozen=True)
class View:
    """A page: its file's name in views/, and its title, icon and tooltip. The name is also its address."""

    name: str
    title: str
    icon: str  # a Material symbol; its font comes with Streamlit, and app.py sets the browser tab's own icon
    about: str

    @property
    def file(self) -> Path:
        return VIEWS / f"{self.name}.py"


# The first page of the first section is the one that opens. A heading "" stands above without a title.
SECTIONS: dict[str, tuple[View, ...]] = {
    "": (
        View(
            "home",
            mark("Home"),
            ":material/landscape:",
            mark("What is training now, and where to go from here."),
        ),
    ),
    mark("Train"): (
        View(
            "new_run",
            mark("New run"),
            ":material/add_circle:",
            mark("Choose a network and data, and start a training."),
        ),
        View(
            "runs",
            mark("Runs"),
            ":material/table_rows:",
            mark("Every training so far: find, sort and compare them."),
        ),
        View(
            "run",
            mark("Run"),
            ":material/show_chart:",
            mark("One training in depth: curves, weights, mistakes, output."),
        ),
    ),
    mark("Many at once"): (
        View(
            "kfold",
            mark("K-fold"),
            ":material/stacks:",
            mark("Is it luck of one split? Train each fold, and know what a score is worth."),
        ),
        View(
            "sweep",
            mark("Sweep"),
            ":material/tune:",
            mark("Which settings are good, and which matter? Try many, and see."),
        ),
    ),
    mark("Explore"): (
        View(
            "tensors",
            mark("Tensors"),
            ":material/view_in_ar:",
            mark("Pick an operation, see cells move and strides change, and the line that does it."),
        ),
        View(
            "activations",
            mark("Activation functions"),
            ":material/airwave:",
            mark("Curves and slopes, signals in depth, and the same in real networks."),
        ),
        View(
            "losses",
            mark("Losses"),
            ":material/trending_down:",
            mark("What each loss costs and how hard it pulls, and why classes are learned by cross-entropy."),
        ),
        View(
            "backpropagation",
            mark("Backpropagation"),
            ":material/undo:",
            mark("Values forward and gradients back through a graph, step by step, with the chain rule."),
        ),
        View(
            "optimizers",
            mark("Optimizers"),
            ":material/downhill_skiing:",
            mark("A race down surfaces whose minima are known, and a map of where each start leads."),
        ),
        View(
            "convolution",
            mark("Convolution"),
            ":material/grid_on:",
            mark("A window slides over numbers that you can change, and the sum is written out."),
        ),
        View(
            "image_operations",
            mark("Image operations"),
            ":material/filter_b_and_w:",
            mark("Filters, edges, shapes and colours of a picture, before and after, under your hand."),
        ),
        View(
            "normalisation",
            mark("Normalisation"),
            ":material/equalizer:",
            mark("Which numbers share a mean, and what that does for training."),
        ),
    ),
    mark("Overfitting"): (
        View(
            "playground",
            mark("Playground"),
            ":material/movie:",
            mark("A small network on points in the plane, and a film of how it learned."),
        ),
        View(
            "fit_curve",
            mark("Fit a curve"),
            ":material/timeline:",
            mark("A few points, a curve through them, and what capacity does to both errors."),
        ),
        View(
            "double_descent",
            mark("Double descent"),
            ":material/ssid_chart:",
            mark("Why a model that just fits every sample is the worst, and a larger one is not."),
        ),
        View(
            "real_images",
            mark("On real images"),
            ":material/image_search:",
            mark("A network too large for a few images, a remedy a button, and a diagnosis of any run."),
        ),
        View(
            "regularization",
            mark("Regularisation"),
            ":material/zoom_in:",
            mark("What a penalty, dropout, augmentation and patience do inside."),
        ),
    ),
    mark("Look inside"): (
        View(
            "inspect_model",
            mark("Inspect"),
            ":material/biotech:",
            mark("One network from every side: structure, weights, what its layers see, where it fails."),
        ),
        View(
            "landscape",
            mark("Loss landscape"),
            ":material/terrain:",
            mark("The loss around a network: flat or sharp, and the way that training took."),
        ),
        View(
            "architectures",
            mark("Architectures"),
            ":material/account_tree:",
            mark("Size, work, depth and score of every network, and what each paper added."),
        ),
        View(
            "draw",
            mark("Draw and predict"),
            ":material/draw:",
            mark("Draw a digit, and a trained network says what it sees, stroke by stroke."),
        ),
    ),
}


def views() -> list[View]:
    """Every page, in order."""
    return [view for section in SECTIONS.values() for view in section]


def pages() -> dict[str, list[Any]]:
    """The pages as st.navigation takes them, in the chosen language."""
    first = views()[0]
    return {
        _(heading) if heading else "": [
            st.Page(
                view.file,
                title=_(view.title),
                icon=view.icon,
                url_path=view.name,
                help=_(view.about),
                default=view == first,
            )
            for view in section
        ]
        for heading, section in SECTIONS.items()
    }


def page_file(name: str) -> str:
    """The page's file as st.page_link and st.switch_page take it. KeyError for a page that is not listed."""
    for view in views():
        if view.name == name:
            return str(view.file)
    raise KeyError(f"no page is named {name!r}; known: {', '.join(view.name for view in views())}")


def link(name: str, label: str = "", icon: str = "", **query: str) -> None:
    """A link to a page, with the given part of the address: `link("run", "Open", run=run.id)`."""
    st.page_link(page_file(name), label=label or None, icon=icon or None, query_params=query or None)


def run_address(run: str) -> str:
    """The address of a run's page, relative to any other page: for links in tables."""
    return f"run?run={run}"
