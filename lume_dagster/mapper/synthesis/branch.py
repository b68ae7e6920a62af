"""Programs with a condition: examples of two kinds, told apart by how the source looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lume_dagster.mapper.synthesis import node as ir
from lume_dagster.mapper.synthesis.letters import lower, trim
from lume_dagster.mapper.synthesis.node import Node, Row, column
from lume_dagster.mapper.synthesis.ops_pattern import tokens
from lume_dagster.mapper.synthesis.search import programs
from lume_dagster.mapper.synthesis.setting import Setting

_MARKS = (*" ,-/.:(@&'#%+;_|$?[<", '"')
_FORMS = (
    "[0-9]+",
    "[A-Z]+",
    "[a-z]+",
    "[A-Za-z]+",
    "[A-Za-z ]+",
    "[0-9 ]+",
    "[^0-9]+",
    "[A-Z].*",
    "[0-9].*",
    "[^ ]+ [^ ]+",
    "[^ ]+ [^ ]+ [^ ]+",
)
_FINDS = ("[0-9]", "[A-Z]", "[a-z]", "[A-Za-z]", "^[0-9]", "[0-9]$", "[A-Z]{2}", "[0-9]{4}")
_MOST_SPLITS = 5
_MOST_INNER = 2  # splits of one side
_PUSHES = 4_000
_MOST_WORDS = 12
_EACH = 3
_ENOUGH = 5  # examples for a third kind; of fewer, each would be a rule of its own


def branched(setting: Setting) -> list[tuple[float, Node]]:
    """Two programs and what tells them apart, cheapest first."""
    found: list[tuple[float, Node]] = []
    tried: dict[tuple[bool, ...], list[tuple[Node, str, str]]] = {}
    for subject, test, value in _tests(setting):
        split = tuple(_passes(row, subject, test, value) for row in setting.labelled)
        if any(split) and not all(split):
            tried.setdefault(split, []).append((subject, test, value))
    for split in list(tried)[: _MOST_SPLITS if setting.thorough else _MOST_INNER]:
        larger = sum(split) * 2 >= len(split)
        sides: dict[bool, list[tuple[float, Node]]] = {}
        for keep in (larger, not larger):  # the side with more examples is the harder one
            sides[keep] = _side(setting, split, tried[split][0], keep=keep)
            if not sides[keep]:
                break
        else:
            found += _joined(tried[split], sides[True], sides[False])
    return sorted(found, key=lambda entry: entry[0])


def _joined(
    tests: Sequence[tuple[Node, str, str]],
    yes: Sequence[tuple[float, Node]],
    no: Sequence[tuple[float, Node]],
) -> Iterator[tuple[float, Node]]:
    for subject, test, value in tests[:_EACH]:
        for _, one in yes[:_EACH]:
            tree = Node("when", (subject, one, no[0][1]), (test, value))
            yield ir.cost(tree), tree


def _tests(setting: Setting) -> Iterator[tuple[Node, str, str]]:
    for path in setting.paths:
        subject = column(path)
        yield from ((subject, "contains", mark) for mark in _MARKS)
        yield from ((subject, "like", form) for form in _FORMS)
        yield from ((subject, "finds", form) for form in _FINDS)
        yield from ((subject, "contains", word) for word in _telling_words(setting, subject))


def _telling_words(setting: Setting, subject: Node) -> list[str]:
    """Words that some of the examples have, and not only a single row."""
    texts = setting.texts(subject) or ()
    rows = [*texts, *(v for v in setting.unseen(subject) if isinstance(v, str))]
    found = dict.fromkeys(word for text in texts for word in tokens(text, "letters"))
    telling = [w for w in found if not all(w in t for t in texts) and sum(w in t for t in rows) > 1]
    return telling[:_MOST_WORDS]


def _passes(row: Row, subject: Node, test: str, value: str) -> bool:
    text = ir.evaluate(subject, row)
    return text is not None and ir.holds(test, value, str(text))


def _side(
    setting: Setting, split: Sequence[bool], how: tuple[Node, str, str], *, keep: bool
) -> list[tuple[float, Node]]:
    """Programs for the examples on one side, ranked by the other rows on that side."""
    chosen = [i for i, side in enumerate(split) if side is keep]
    own = Setting(
        setting.paths,
        [setting.labelled[i] for i in chosen],
        tuple(setting.wanted[i] for i in chosen),
        [row for row in setting.unlabelled if _passes(row, *how) is keep],
        thorough=False,
    )
    found = programs(own, _EACH, _PUSHES)
    few = len(setting.wanted) < _ENOUGH or len(chosen) * 2 < len(setting.wanted)
    if found or few or not setting.thorough:
        return found
    return branched(own)[:_EACH]


def memorised(setting: Setting) -> list[tuple[float, Node]]:
    """A table of the examples, where it may be a code list: outputs come back, or inputs do."""
    for path in setting.paths:
        values = setting.texts(column(path))
        if values is None or len({lower(trim(v)) for v in values}) != len(values):
            continue
        pairs: list[str] = []
        for value, out in zip(values, setting.wanted, strict=True):
            pairs += [lower(trim(value)), out]
        tree = Node("code", (column(path),), tuple(pairs))
        if len(set(setting.wanted)) < len(setting.wanted) or _covers(setting, tree):
            return [(ir.cost(tree), tree)]
    return []


def _covers(setting: Setting, tree: Node) -> bool:
    given = setting.unseen(tree)
    return len(setting.wanted) > 1 and all(given) and (len(given) > 0 or setting.complete)
