"""Comparing architectures as a reader does: a click into the tree, another axis."""

from __future__ import annotations

import re
from typing import Any


def test_a_click_on_a_family_shows_its_block_and_another_axis_moves_the_points(
    page: Any, dashboard: Any
) -> None:
    from playwright.sync_api import expect

    page.goto(dashboard.page("architectures"))
    expect(page.get_by_text("Skip connections").first).to_be_visible(timeout=30_000)
    tree = page.locator("[aria-label='Family tree'] .scatterlayer .point")
    expect(tree.first).to_be_visible(timeout=30_000)
    tree.last.click(force=True)
    expect(page.get_by_text("a transformer's habits").first).to_be_visible(timeout=30_000)
    expect(page).to_have_url(re.compile("arch_family=convnext"))
    points = page.locator("[aria-label='Parameters / Multiply-adds for one picture'] .scatterlayer .point")
    expect(points.first).to_be_visible(timeout=120_000)  # the first look computes for seconds
    page.goto(dashboard.page("architectures", arch_x="depth", arch_family="senet"))
    expect(page.locator("[aria-label^='Parameters / Depth'] .scatterlayer .point").first).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_text("Channel attention").first).to_be_visible()
