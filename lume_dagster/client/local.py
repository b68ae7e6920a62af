"""Runs of a project on this machine."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lume_dagster.client.site import Files, Look, Order, Pace, Rejects, Repaired, Which
from lume_dagster.client.uploading import keep_file, store_files
from lume_dagster.runs.record import RunDetails, RunSummary

if TYPE_CHECKING:
    import dagster as dg

    from lume_dagster.orchestration.project import Project


@dataclass(frozen=True, slots=True)
class LocalProject:
    """The runs of a project whose folder lies on this machine."""

    project: Project

    @classmethod
    def at(cls, folder: Path) -> LocalProject:
        """The project in a folder."""
        from lume_dagster.orchestration.project import load_project

        return cls(load_project(folder))

    def start(self, order: Order) -> RunSummary:
        """Start its process; the project is loaded once more, with the assets of the version."""
        from lume_dagster.flows.library import Library
        from lume_dagster.orchestration.launch import Request, start
        from lume_dagster.orchestration.project import load_project
        from lume_dagster.orchestration.query import read_summary

        version = Library(self.project.workspace.flows).resolve_published(order.flow_version)
        opened = load_project(self.project.folder, [version.name])
        source_path = order.source_path
        if order.input_files is not None:
            source_path = store_files(opened, version, order.input_files, order.seed_files)
        request = Request(version, str(source_path), order.run_metadata, order.force_rerun)
        with self._instance() as instance:
            return read_summary(instance, f"run_{start(opened, instance, request)}")

    def upload(self, file: Path) -> str:
        """A copy in the data folder, and in the store that machines share."""
        return keep_file(self.project, file)

    def summary(self, run_id: str) -> RunSummary:
        """From the run's record."""
        from lume_dagster.orchestration.query import read_summary

        with self._instance() as instance:
            return read_summary(instance, run_id)

    def details(self, run_id: str) -> RunDetails:
        """From the run's events; of a crash without a hint, where its log is."""
        from lume_dagster.orchestration.launch import with_log
        from lume_dagster.orchestration.query import read_details

        with self._instance() as instance:
            found = read_details(instance, run_id)
        return replace(found, metadata=with_log(self.project, run_id, found.metadata))

    def runs(self, which: Which) -> Sequence[RunSummary]:
        """Those of the instance; a batch is found under each of its names."""
        from lume_dagster.orchestration import query
        from lume_dagster.orchestration.project import all_names

        batch = which.source_path
        with self._instance() as instance:
            return query.list_runs(
                instance,
                flow=which.flow,
                flow_version=which.flow_version,
                source_path=None if batch is None else all_names(self.project, batch),
                status=which.status,
                limit=which.limit,
            )

    def looks(self, run_id: str, pace: Pace) -> Generator[Look, None, None]:
        """The instance stays open: to open one takes longer than to look."""
        from lume_dagster.orchestration.query import read_summary
        from lume_dagster.orchestration.warnings import new_warnings

        with self._instance() as instance:
            warnings = new_warnings(instance, run_id)
            while True:
                summary = read_summary(instance, run_id)
                told = next(warnings) if pace.watched and not summary.status.ended else ()
                yield Look(summary, told)
                time.sleep(min(pace.interval, max(pace.left, 0)))

    def cancel(self, run_id: str) -> None:
        """It ends CANCELED and leaves nothing half-written."""
        from lume_dagster.orchestration.cancel import cancel_run

        with self._instance() as instance:
            cancel_run(instance, run_id)

    def resubmit(self, run: RunSummary, repaired: Repaired) -> RunSummary:
        """A run that joins the batch in the target."""
        from lume_dagster.orchestration.query import read_summary
        from lume_dagster.orchestration.resubmit import Wish, resubmit

        wish = Wish(
            repaired.file,
            repaired.flow_version,
            repaired.source_path,
            repaired.run_metadata,
            repaired.force_rerun,
        )
        _, new_id = resubmit(self.project, run, wish)
        with self._instance() as instance:
            return read_summary(instance, new_id)

    def save_rejects(self, run_id: str, file: Path, rejects: Rejects) -> Path:
        """From the Parquet files that the run left."""
        from lume_dagster.orchestration.query import batch_of
        from lume_dagster.runs.output import part_files
        from lume_dagster.runs.rejects import save_rejects

        _, folder = batch_of(self.details(run_id), rejects.source_path)
        parts = part_files(folder, "rejects")
        return save_rejects(parts, file, run_id=run_id, code=rejects.code, field=rejects.field)

    def download(self, run: RunSummary, folder: Path, files: Files) -> tuple[Path, ...]:
        """From the Parquet files that the run left, a folder for each batch where it took many."""
        from lume_dagster.runs import output

        return output.download(
            self._fetched(run.id).output_root,
            folder,
            output_format=files.form,
            parts=files.parts,
            documents=files.documents,
            run_id=run.id,
        )

    def output_folders(self, run: RunSummary) -> tuple[str, ...]:
        """Fetched where this machine does not have them."""
        return self._fetched(run.id).output

    def _fetched(self, run_id: str) -> RunDetails:
        from lume_dagster.orchestration.query import read_details

        with self._instance() as instance:
            return read_details(instance, run_id, self.project.workspace.depot)

    @contextmanager
    def _instance(self) -> Iterator[dg.DagsterInstance]:
        from lume_dagster.orchestration.instance import open_instance

        with open_instance(self.project.workspace.data) as instance:
            yield instance
