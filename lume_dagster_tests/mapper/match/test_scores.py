"""What values and constraints say of a pair, and how sure a match is."""

from __future__ import annotations

import numpy as np
import pytest

from lume_dagster.mapper.embedding import load_embedding
from lume_dagster.mapper.knowledge import default_knowledge
from lume_dagster.mapper.match import score as scoring
from lume_dagster.mapper.match import values
from lume_dagster.mapper.match.calibrate import load_calibration, probabilities
from lume_dagster.mapper.match.column import Column
from lume_dagster.mapper.match.core import default_maker, match_columns
from lume_dagster.mapper.match.features import look_at
from lume_dagster.mapper.profile import profile

NUMBERS = [profile([str(n) for n in range(100)])]
TEXTS = [profile(["red", "green", "blue", "red"])]


def fits(field, source):
    return {
        name: float(fit[0, 0])
        for name, (fit, known) in values.constraint_fits(source, [field]).items()
        if known[0, 0]
    }


def test_shared_values_are_counted_of_all_and_of_the_smaller_side():
    jaccard, containment = values.shared_values(TEXTS, [profile(["RED", "pink"])])
    assert (jaccard[0, 0], containment[0, 0]) == (pytest.approx(1 / 4), pytest.approx(1 / 2))


def test_a_pattern_is_tried_on_the_values():
    field = Column("f", "f", pattern="^(red|blue)$")
    assert fits(field, TEXTS) == {"pattern": pytest.approx(2 / 3)}


def test_a_pattern_that_the_engine_does_not_know_says_nothing():
    assert fits(Column("f", "f", pattern="(?<=a)b"), TEXTS) == {}


def test_bounds_are_tried_on_numbers_only():
    field = Column("f", "f", least=0, most=50)
    assert fits(field, NUMBERS)["bounds"] == pytest.approx(5 / 9)
    assert fits(field, TEXTS) == {}


def test_numbers_of_a_smaller_magnitude_fit_half():
    assert fits(Column("f", "f", least=0, most=1e6), NUMBERS)["bounds"] == 0.5


def test_allowed_values_and_lengths_are_tried():
    field = Column("f", "f", enum=("Red", "Green"), longest=4)
    assert fits(field, TEXTS) == {
        "enum": pytest.approx(2 / 3),
        "meant": pytest.approx(2 / 3),
        "length": pytest.approx(7 / 9, abs=0.2),
    }


def test_nothing_is_tried_on_a_column_without_values():
    field = Column("f", "f", pattern="x", enum=("a",), least=1, longest=2, format="date")
    assert fits(field, [profile([])]) == {}


def columns(*named, **more):
    return [Column(path=name, name=name, **more) for name in named]


def scored_of(source, target):
    knowledge, embedding = default_knowledge(), load_embedding()
    sides = [look_at(side, knowledge, embedding) for side in (source, target)]
    return scoring.score(*sides, knowledge, embedding), sides


def test_many_fields_are_compared_in_parts_with_the_same_columns(monkeypatch):
    source, target = columns("city", "name", "zip"), columns("postal_code", "town", "surname", "x")
    whole, _ = scored_of(source, target)
    monkeypatch.setitem(vars(scoring), "_MOST_PAIRS", 6)
    parts, _ = scored_of(source, target)
    assert parts.scores.shape == whole.scores.shape
    assert parts.assigned.tolist() == whole.assigned.tolist()


def test_a_field_more_than_columns_is_left_over():
    scored, _ = scored_of(columns("city"), columns("town", "price"))
    assert scored.assigned.tolist() == [0, -1]


def test_probabilities_are_numbers_from_0_to_1_for_every_candidate():
    scored, (source, target) = scored_of(columns("city", "name"), columns("town", "price", "x"))
    sure = probabilities(scored, source, target, load_calibration())
    assert sure.shape == (3, 2)
    assert np.isfinite(sure).all()
    assert (sure >= 0).all()
    assert (sure <= 1).all()


def test_the_order_of_columns_changes_no_match():
    names = "cust_nm dob ctry tot email phone zip street".split()
    fields = columns(*"name birth_date country total mail telephone postal_code address".split())
    there = match_columns(columns(*names), fields, default_maker())
    back = match_columns(columns(*reversed(names)), fields, default_maker())
    assert [m.column for m in there] == [m.column for m in back]


def test_tables_draw_their_columns_together():
    source = [Column(f"{t}.id", "id", table=t) for t in ("patient", "visit")]
    target = [Column(f"{t}.key", "key", table=t) for t in ("encounter", "person")]
    scored, _ = scored_of(source, target)
    assert scored.assigned.tolist() == [1, 0]


def pieces(ours, theirs):
    return float(values.shared_pieces([profile(ours)], [profile(theirs), profile(["xyz"])])[0, 0])


def test_values_with_typing_errors_and_without_marks_stay_alike():
    organisms = ("Rattus norvegicus", "Canis lupus", "Homo sapiens")
    mistyped = ("Rattusnorvagicus", "Canislupux", "Homosapikns")
    others = ("Hammer drill", "Garden shovel", "Table lamp")
    assert pieces(organisms, mistyped) > 0.5 > 2 * pieces(organisms, others)
    assert pieces(organisms, ("12.50", "99.90")) == 0


def test_letters_of_any_script_have_pieces():
    towns = ("東京都", "大阪府")
    assert pieces(towns, ("東京都", "京都府")) > pieces(towns, ("りんご", "みかん"))
    assert pieces((), ("a", "b")) == 0


def nested(*names_of_columns):
    source = [Column(name, name, values=("a b", "c d", "e f")) for name in names_of_columns]
    target = [Column("engine.type", "type", table="engine", type="string")]
    return match_columns(source, target, default_maker())[0]


def test_a_namesake_is_in_doubt_where_another_column_is_called_as_the_object_is():
    assert nested("type", "seats").probability > 0.9
    doubted = nested("type", "engine", "seats")
    assert doubted.column != "type" or doubted.probability < 0.9


def test_of_columns_without_values_the_declared_types_are_compared():
    source = [
        Column("a", "a", type="VARCHAR(20)"),
        Column("b", "b", type="BIGINT"),
        Column("c", "c"),
    ]
    target = [Column("t", "t", type="varchar(50)"), Column("n", "n", type="integer")]
    fit = values.declared_fit(np.ones((3, 2)), source, [profile([])] * 3, target)
    assert (fit[0, 0], fit[1, 1]) == (1, 1)
    assert max(fit[0, 1], fit[1, 0]) < 1
    assert fit[2].tolist() == [1, 1]


def test_what_a_column_with_values_is_declared_to_be_does_not_count_against_it():
    source = [Column("a", "a", type="VARCHAR")]
    target = [Column("n", "n", type="integer")]
    fit = values.declared_fit(np.ones((1, 1)), source, NUMBERS, target)
    assert fit.tolist() == [[1]]
