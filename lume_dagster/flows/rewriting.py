"""Change what a flow file says and keep the rest of it: comments, order, quotes, layout."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from lume_dagster.errors import FlowError, MissingExtraError
from lume_dagster.flows.flow_file import parse, render, said
from lume_dagster.flows.model import Flow
from lume_dagster.flows.yaml_text import Inline, plain_value

_WIDTH = 10**9  # no line is folded


def rewrite(text: str, flow: Flow) -> str:
    """The file's text changed to say what ``flow`` says.

    What both say alike stays as it is written. Where the text cannot be changed so that it reads
    back as the flow, it is written anew.

    Raises:
        MissingExtraError: the package was installed without the extra ``mapper``.
    """
    try:
        from ruamel.yaml.error import YAMLError
    except ModuleNotFoundError:
        raise MissingExtraError.for_extra("Changing a flow file", "mapper") from None

    try:
        before = parse(text)
        changed = _changed(text, said(before), said(flow))
        if parse(changed) == flow:
            return changed
    except (FlowError, YAMLError):
        pass  # a draft with problems has nothing to keep that could be told apart
    return render(flow)


def _changed(text: str, before: Any, after: Any) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    _merge(document, before, after)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _merge(document: Any, before: Any, after: Any) -> None:
    """Bring a mapping or a list from what it says to what it should say, in place.

    ``before`` is compared, not the document: a value may be written in several ways. A mapping
    that no longer fits one line is laid out over several.
    """
    for key in _keys(after):
        if not _has(before, key):
            _add(document, key, _fresh(after[key]))
        elif before[key] == after[key]:
            continue
        elif _go_together(_get(document, key), before[key], after[key]):
            _merge(document[key], before[key], after[key])
        else:
            _replace(document, key, before[key], after[key])
    for key in reversed([key for key in _keys(before) if not _has(after, key)]):
        if _has(document, key):
            document.pop(key)
    if isinstance(after, Mapping) and not isinstance(after, Inline):
        document.fa.set_block_style()  # it may have grown too long for one line


def _replace(document: Any, key: Any, before: Any, after: Any) -> None:
    if isinstance(before, str) and not isinstance(plain_value(before), str):
        document[key] = None  # the old text needed quotes, which the new one would inherit
    document[key] = _fresh(after)


def _go_together(written: object, before: object, after: object) -> bool:
    """Whether parts of the one stand for parts of the other, so that their comments still do."""
    values = (written, before, after)
    if all(isinstance(value, Mapping) for value in values):
        return True
    if not (isinstance(written, list) and isinstance(before, list) and isinstance(after, list)):
        return False
    alike = min(len(before), len(after))
    is_same_length = len(before) == len(after)
    return len(written) == len(before) and (is_same_length or before[:alike] == after[:alike])


def _get(document: Any, key: Any) -> Any:
    return document[key] if _has(document, key) else None


def _keys(value: Any) -> Sequence[Any]:
    return list(value) if isinstance(value, Mapping) else range(len(value))


def _has(value: Any, key: Any) -> bool:
    return key in value if isinstance(value, Mapping) else key < len(value)


def _add(document: Any, key: Any, value: Any) -> None:
    if isinstance(document, list):
        document.append(value)
    else:
        document[key] = value


def _fresh(value: Any) -> Any:
    """A value as it is laid out in a file written anew."""
    from ruamel.yaml.comments import CommentedMap

    if isinstance(value, list):
        return [_fresh(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    laid_out = CommentedMap((key, _fresh(inner)) for key, inner in value.items())
    if isinstance(value, Inline):
        laid_out.fa.set_flow_style()
    return laid_out
