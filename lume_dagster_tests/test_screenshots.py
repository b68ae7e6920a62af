"""The pictures in the docs can be taken again, from a real Dagster UI in a real browser."""

from __future__ import annotations

import pytest
from PIL import Image

from docs.browser import find_browser
from docs.screenshots import IMAGES, VIEWS, main
from lume_dagster_tests.servers.fleet import NOT_RUN


def test_each_picture_is_in_the_docs_and_small():
    sizes = {path.stem: path.stat().st_size for path in IMAGES.glob("*.png")}
    assert sizes.keys() == VIEWS.keys(), "run: make screenshots"
    assert max(sizes.values()) <= 150_000


@pytest.mark.optional_server
def test_a_person_sees_graph_partitions_checks_and_runs(tmp_path):
    """Each page is waited for until it shows what the docs say that it shows."""
    if find_browser() is None:
        pytest.skip(f"{NOT_RUN}: no Chromium or Chrome on the PATH")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    main(pictures, nights=7, project=tmp_path / "shop")
    for name, (_, _, height) in VIEWS.items():
        with Image.open(pictures / f"{name}.png") as picture:
            assert picture.size == (1400, height)
