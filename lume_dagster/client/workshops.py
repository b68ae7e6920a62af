"""Edit a mapping and see what comes out, before anybody else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lume_dagster.client import behind
from lume_dagster.client.place import open_place
from lume_dagster.client.results import Result
from lume_dagster.errors import counted

if TYPE_CHECKING:
    from lume_dagster.mapper.workshop.documents import Edit, SessionDocument, Status
    from lume_dagster.mapper.workshop.mapper import Mapper
    from lume_dagster.mapper.workshop.merging import Conflict, Side
    from lume_dagster.mapper.workshop.place import Place


class Workshop:
    """An editing session. What is edited is personal until it is deployed; it survives restarts."""

    def __init__(self, place: Place, id: str) -> None:  # noqa: A002 - it is what people call it
        """Made by ``create_workshop`` of a job or a pipeline, and ``Workshop.get_by_id``."""
        self._place = place
        self.id = id

    def __repr__(self) -> str:
        """Id, status and pipeline."""
        d = self._document
        return f"<Workshop {d.id} {d.status} on {d.pipeline}: {counted(len(d.edits), 'edit')}>"

    @classmethod
    def get_by_id(cls, id: str, *, project: str | Path | Place | None = None) -> Workshop:  # noqa: A002
        """The session of this id."""
        place = open_place(project)
        return cls(place, behind.documents.load(place, behind.documents.SessionDocument, id).id)

    @classmethod
    def get_workshops(
        cls, pipeline: str | None = None, *, project: str | Path | Place | None = None
    ) -> list[Workshop]:
        """Sessions, the oldest first, on one pipeline or on all."""
        place = open_place(project)
        return [
            cls(place, d.id)
            for d in behind.documents.listed(place, behind.documents.SessionDocument, pipeline)
        ]

    @property
    def _document(self) -> SessionDocument:
        return behind.documents.load(self._place, behind.documents.SessionDocument, self.id)

    @property
    def status(self) -> Status:
        """DEPLOYED if that was the last thing done, else the status of the latest result."""
        return self._document.status

    @property
    def created_at(self) -> datetime:
        """When it began."""
        return self._document.created_at

    @property
    def pipeline_id(self) -> str:
        """The pipeline's name."""
        return self._document.pipeline

    @property
    def job_id(self) -> str:
        """On whose data edits are tried."""
        return self._document.job

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was edited so far."""
        return self._document.edits

    def get_mapper(self) -> Mapper:
        """The mapper as the session has it now."""
        d = self._document
        return behind.mapper.Mapper(
            behind.flow_file.parse(d.draft), f"{d.pipeline}:draft", d.proposals
        )

    def get_target_schema(self) -> Mapping[str, Any]:
        """The target schema as the session has it now."""
        return behind.flow_file.parse(self._document.draft).schema_

    def get_results(self) -> list[Result]:
        """The results of its edits."""
        pipeline = self._document.pipeline
        found = behind.documents.listed(self._place, behind.documents.ResultDocument, pipeline)
        return [Result(self._place, d) for d in found if d.workshop == self.id]

    # -- edits ------------------------------------------------------------------------------------

    def run_mapper(
        self,
        mapper: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        auto_deploy: bool = False,
    ) -> Result:
        """Give fields other expressions, or nodes as the flow file writes them.

        Args:
            mapper: Path of a field to its expression, its node, or None for no mapping; or a list
                of ``{targetField, transformation}``.
            auto_deploy: Deploy what comes out.
        """
        return self._edit(partial(behind.edits.edit_mapper, mapper=mapper), auto_deploy)

    def run_sample(self, sample: Mapping[str, Any], *, auto_deploy: bool = False) -> Result:
        """Say how a record should come out: its fields are learned from it.

        Args:
            sample: ``{index, mapped_record}``, or ``{source_record, mapped_record}``.
            auto_deploy: Deploy what comes out.
        """
        return self._edit(partial(behind.edits.edit_sample, sample=sample), auto_deploy)

    def run_target_schema(
        self, target_schema: Mapping[str, Any], *, auto_deploy: bool = False
    ) -> Result:
        """Change the target schema; fields that stay keep their mapping, new ones are generated."""
        editing = partial(behind.edits.edit_target_schema, target_schema=target_schema)
        return self._edit(editing, auto_deploy)

    def run_prompt(
        self, target_fields_to_prompt: Mapping[str, str], *, auto_deploy: bool = False
    ) -> Result:
        """Say in a sentence for each field how it is made."""
        editing = partial(behind.edits.edit_prompt, target_fields_to_prompt=target_fields_to_prompt)
        return self._edit(editing, auto_deploy)

    def run_global_edit(
        self, global_edit: Mapping[str, str], *, auto_deploy: bool = False
    ) -> Result:
        """Say something of the source as a whole; any field may change, but those people stand for.

        Args:
            global_edit: ``{source_context: sentences}``, such as ``dates have the day first``.
            auto_deploy: Deploy what comes out.
        """
        return self._edit(partial(behind.edits.edit_global, global_edit=global_edit), auto_deploy)

    def run_generation(
        self, fields: Sequence[str] | None = None, *, auto_deploy: bool = False
    ) -> Result:
        """Have fields generated anew, all or these; what people stand for is kept."""
        return self._edit(partial(behind.edits.edit_generate, fields=fields), auto_deploy)

    def _edit(self, editing: behind.sessions.Editing, auto_deploy: bool) -> Result:  # noqa: FBT001
        result = behind.sessions.edit(self._place, self.id, editing)
        if auto_deploy:
            behind.sessions.auto_deploy(self._place, self.id, result, "")
        return Result(self._place, result)

    # -- what others see --------------------------------------------------------------------------

    def deploy(self, *, author: str | None = None, note: str = "") -> str:
        """Publish what the session says as the next version, make it active, and give its name.

        Raises:
            InvalidRequestError: somebody deployed since the session began (says who, and what);
                or the active version says the same already.
        """
        return behind.sessions.deploy_session(self._place, self.id, author=author, note=note).name

    def rebase(self, settle: Mapping[str, Side] | None = None) -> tuple[Conflict, ...]:
        """Put the session's edits on top of what was deployed since.

        Args:
            settle: For parts that both have changed, whose word counts: "mine" or "theirs".

        Returns:
            What is still to be settled; while there is anything, nothing is rebased.
        """
        return behind.sessions.rebase(self._place, self.id, settle or {})

    def delete(self) -> None:
        """Forget the session; what it deployed stays."""
        behind.documents.remove(self._place, self._document)
