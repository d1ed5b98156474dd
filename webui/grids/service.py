"""Grids as everybody uses them: made, looked at, added to, stopped, exported."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import JsonValue

from webui.core.grid import AXIS_NAMES, MAX_TITLE, Cell, FolderWish, Grid, GridWish, place_of
from webui.core.job import LOCAL_OWNER
from webui.core.record import ImageRecord
from webui.errors import NotFound, RequestError
from webui.gallery.service import Gallery
from webui.grids.animation import Motion, animated
from webui.grids.plan import Resolve, add_values, make_plan
from webui.grids.runner import GridRunner
from webui.grids.sheet import Sheet, draw_sheet
from webui.grids.start_pictures import wish_of_folder
from webui.grids.store import GridStore
from webui.jobs.queue import JobQueue

MOST_LISTED = 100


class Grids:
    """All grids of this Darkroom. Cells are jobs of the queue; `runner` submits them."""

    def __init__(self, store: GridStore, queue: JobQueue, gallery: Gallery, resolve: Resolve, ahead: Callable[[], int]) -> None:
        self._store, self._queue, self._gallery, self._resolve = store, queue, gallery, resolve
        self.runner = GridRunner(store, queue, ahead)

    def create(self, wish: GridWish, owner: str = LOCAL_OWNER) -> Grid:
        """Plan a grid and keep it; its cells are submitted from then on. Raises `RequestError`, `StorageError`."""
        grid = self._store.add(make_plan(wish, self._resolve), owner, wish.title.strip()[:MAX_TITLE], wish.priority)
        self.runner.wake()
        return grid

    def of_folder(self, wish: FolderWish, owner: str = LOCAL_OWNER) -> dict[str, Any]:
        """A grid over a folder's pictures as JSON, with the files that were passed over. Raises `RequestError`, `StorageError`."""
        whole, passed_over = wish_of_folder(wish, self._gallery, owner)
        return {**self.create(whole, owner).body, "passed_over": [{"name": each.name, "why": each.why} for each in passed_over]}

    def count(self, wish: GridWish) -> tuple[int, int, int]:
        """How many values the axes of a wish have. Raises `RequestError` as `create` does."""
        return make_plan(wish, self._resolve).sides

    def get(self, grid_id: str) -> Grid:
        """One grid. Raises `NotFound`."""
        return self._store.get(grid_id)

    def find(self, owner: str | None = None, after: str = "", limit: int = 30) -> list[Grid]:
        """Grids, newest first."""
        return self._store.find(owner, after, min(limit, MOST_LISTED))

    def add(self, grid_id: str, axis: int, values: str | tuple[JsonValue, ...]) -> Grid:
        """More values on an axis: the cells that it then lacks are made. Raises `NotFound`, `Conflict`, `RequestError`."""
        known = self._store.get(grid_id).plan
        self._store.grow(grid_id, known, add_values(known, axis, values, self._resolve))
        self.runner.wake()
        return self._store.get(grid_id)

    def cancel(self, grid_id: str) -> Grid:
        """Submit no further cell and stop those that wait or run; pictures that are there stay. Raises `NotFound`."""
        self._store.get(grid_id)
        with self.runner.feeding:
            self._store.cancel(grid_id)
        self.runner.stop_jobs(grid_id)
        return self._store.get(grid_id)

    def retry(self, grid_id: str, pay_again: bool = False) -> Grid:
        """Try the cells again that failed or were refused. Raises `NotFound`, `Conflict`; `PaysAgain` unless that is wanted."""
        self._store.get(grid_id)
        with self.runner.feeding:  # so that no cell is refused again because the one before it is not yet queued again
            for job_id in self._store.try_again(grid_id, pay_again):
                self._queue.retry(job_id, pay_again)
        self.runner.wake()
        return self._store.get(grid_id)

    def cells(self, grid_id: str) -> list[Cell]:
        """All cells in the order in which they are made."""
        return self._store.cells(grid_id)

    def pictures(self, cells: list[Cell]) -> Mapping[str, tuple[ImageRecord, ...]]:
        """The pictures of cells, by job."""
        return self._queue.store.images_of([cell.job_id for cell in cells if cell.job_id is not None])

    def export(self, grid_id: str) -> dict[str, Any]:
        """All of a grid as plain data: axes, base request, and each cell with its values and its pictures' ids, paths and seeds."""
        grid, cells = self.get(grid_id), self.cells(grid_id)
        pictures = self.pictures(cells)
        return {
            "id": grid.id,
            "title": grid.title,
            "state": grid.state,
            "request": grid.plan.base,
            "axes": [axis.model_dump(mode="json") for axis in grid.plan.axes],
            "cells": [_exported(grid, cell, pictures.get(cell.job_id or "", ())) for cell in cells],
        }

    def said(self, grid: Grid) -> str:
        """What a grid's picture says of itself: the first picture's text with the axes behind it, by A1111's names."""
        first = next((records[0] for records in self.pictures(self.cells(grid.id)).values() if records), None)
        text = self._gallery.parameters(first) if first is not None else ""
        pairs, mark, behind = text.partition("\nTemplate: ")
        return f"{pairs}{', ' if pairs else ''}{', '.join(_axes_text(grid))}{mark}{behind}"

    def animation(self, grid_id: str, motion: Motion) -> bytes:
        """The cells' pictures one after another, along x, then y, then z. Raises `NotFound`, `RequestError`."""
        self.get(grid_id)
        cells = sorted(self.cells(grid_id), key=lambda cell: (cell.z, cell.y, cell.x))
        return animated([path for path in self._files(cells).values() if path is not None], motion)

    def _files(self, cells: list[Cell]) -> dict[tuple[int, int, int], Path | None]:
        """Each cell's first picture, by place."""
        pictures = self.pictures(cells)
        files: dict[tuple[int, int, int], Path | None] = {}
        for cell in cells:
            record = next(iter(pictures.get(cell.job_id or "", ())), None)
            try:
                files[cell.x, cell.y, cell.z] = None if record is None else self._gallery.path(record)
            except NotFound:
                files[cell.x, cell.y, cell.z] = None
        return files

    def sheet(self, grid_id: str, side: int | None = None, labelled: bool = True) -> Image.Image:
        """One labelled picture of all cells, each at most `side` pixels wide and high. Raises `NotFound`, `RequestError`."""
        grid, cells = self.get(grid_id), self.cells(grid_id)
        files = self._files(cells)
        if not any(files.values()):
            raise RequestError("grid", "No cell of this grid has a picture yet.")
        states = {(cell.x, cell.y, cell.z): cell.state for cell in cells}
        return draw_sheet(Sheet(grid.plan, grid.title, files, states, side, labelled))


def _exported(grid: Grid, cell: Cell, records: tuple[ImageRecord, ...]) -> dict[str, Any]:
    at = (cell.x, cell.y, cell.z)
    return {
        **cell.model_dump(mode="json"),
        "labels": place_of(grid.id, grid.title, grid.plan, at).labels,
        "images": [{"id": record.id, "path": record.path, "seed": record.seed} for record in records],
    }


def _axes_text(grid: Grid) -> Iterator[str]:
    yield "Script: X/Y/Z plot"
    for name, axis in zip(AXIS_NAMES, grid.plan.axes, strict=False):
        yield f"{name} Type: {axis.title}"
        yield f"{name} Values: {json.dumps(', '.join(axis.labels)[:2000], ensure_ascii=False)}"
