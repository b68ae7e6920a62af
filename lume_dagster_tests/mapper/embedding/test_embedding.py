"""The table of word pieces: whole, small, and near where meanings are near."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lume_dagster.mapper import embedding
from lume_dagster.mapper.embedding import load_embedding, provenance
from lume_dagster.mapper.embedding.wordpiece import WordPieces

FOLDER = Path(embedding.__file__).parent


def test_the_table_is_small_and_the_one_that_was_recorded():
    assert (FOLDER / "table.npz").stat().st_size <= 7_000_000
    assert provenance()["table_sha256"].startswith(load_embedding().digest)


def test_its_origin_and_licence_are_recorded():
    origin = provenance()
    assert origin["model"]["licence"] == "MIT"
    assert len(origin["wheel"]["sha256"]) == 64
    assert (Path(__file__).parents[3] / origin["script"]).exists()


def test_pieces_are_the_longest_from_the_left():
    pieces = WordPieces(("un", "##able", "##a", "##ble", "able", "!"))
    assert [pieces.pieces[n] for n in pieces.split("UNABLE able!")] == ["un", "##able", "able", "!"]


def test_a_word_that_cannot_be_spelled_is_left_out():
    assert WordPieces(("a",)).split("a xyz a") == [0, 0]


def test_accents_do_not_matter():
    pieces = load_embedding().pieces
    assert pieces.split("Émile") == pieces.split("emile")


def test_near_in_meaning_is_near():
    ours = load_embedding().vectors(["sex", "gender", "invoice total"])
    near = ours @ ours.T
    assert near[0, 1] > near[0, 2] + 0.2


def test_a_vector_does_not_depend_on_the_others():
    table = load_embedding()
    alone = table.vectors(["date of birth"])[0]
    assert (table.vectors(["city", "date of birth", "", "postal code"])[1] == alone).all()


def test_vectors_have_length_one_or_nothing():
    lengths = np.linalg.norm(load_embedding().vectors(["city", "", "\u0000", "名前"]), axis=1)
    assert lengths.tolist() == pytest.approx([1, 0, 0, 1], abs=1e-5)
