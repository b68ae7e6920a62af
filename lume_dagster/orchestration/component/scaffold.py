"""`dg scaffold defs lume_dagster.LumeFlowComponent orders`: a defs.yaml and a flow to edit."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from pydantic import BaseModel, Field

_FLOW = """\
lume: 1
flow: {flow}
description: Made by scaffolding; say what arrives here and what it becomes.
source: {{connector: {source}}}
target: {{connector: {target}, table: {flow}, write: replace_batch}}
schema:
  type: object
  required: [id]
  properties:
    id: {{type: string}}
    amount: {{type: number}}
mapping:
  id: id
  amount: amount
errors: {{max_error_rate: 0.1}}
"""


class FlowParams(BaseModel):
    """The options of the command."""

    flow: str = Field("my_flow", description="Name of the flow.")
    source: str = Field("landing", description="Connection that batches come from.")
    target: str = Field("warehouse", description="Connection that rows go to.")
    author: str = Field("scaffold", description="Who publishes the flow's first version.")


class FlowScaffolder(dg.Scaffolder[FlowParams]):
    """Writes a component and, where there is no such flow yet, publishes its first version."""

    @classmethod
    def get_scaffold_params(cls) -> type[FlowParams]:
        """The options."""
        return FlowParams

    def scaffold(self, request: dg.ScaffoldRequest[FlowParams]) -> None:
        """Write the files."""
        given = request.params
        root = Path(request.project_root or Path.cwd())
        _write_flow(root / "flows", given)
        (root / "landing").mkdir(exist_ok=True)
        _ignore_data(root / ".gitignore")
        single = request.type_name.endswith("LumeFlowComponent")
        dg.scaffold_component(
            request,
            {
                **({"flow": given.flow} if single else {}),
                "connections": {
                    given.source: {"kind": "local_files", "root": "landing"},
                    given.target: {"kind": "duckdb", "path": ".lume/warehouse.duckdb"},
                },
            },
        )


def _ignore_data(file: Path) -> None:
    """Staging, output and the embedded warehouse are none of git's business."""
    said = file.read_text("utf-8") if file.exists() else ""
    if ".lume/" not in said.split():
        file.write_text(said.rstrip("\n") + "\n.lume/\n" if said else ".lume/\n", "utf-8")


def _write_flow(library: Path, given: FlowParams) -> None:
    from lume_dagster.flows.library import Library

    home = library / given.flow
    if home.exists():
        return
    home.mkdir(parents=True)
    text = _FLOW.format(flow=given.flow, source=given.source, target=given.target)
    (home / "flow.yaml").write_text(text, encoding="utf-8")
    Library(library).publish(given.flow, author=given.author, note="as it was scaffolded")
