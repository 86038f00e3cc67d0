"""Which version a list of rejected rows is of, and what that version was made from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from augfactory.commands.expand.build import Build, Dataset
from augfactory.commands.expand.estimate import Estimate, estimate_of
from augfactory.commands.expand.folds import plan_folds
from augfactory.commands.expand.inputs import BuildInputs, build_of
from augfactory.commands.expand.request import ExpandRequest
from augfactory.commands.opening.opening import spec_of
from augfactory.commands.opening.recorded_recipe import check_recipe, request_id
from augfactory.commands.progress import Progress
from augfactory.commands.versions.differences import between
from augfactory.commands.versions.export import validation_of
from augfactory.commands.versions.found_again import gather_again, refuse_model
from augfactory.commands.versions.rows.redraw import Redraw, make_redraw, plan_redraw
from augfactory.commands.versions.rows.rejects import listed_content
from augfactory.engines.processes import Engine, worker_pool
from augfactory.errors import InputDataError
from augfactory.guarded.files import is_there
from augfactory.store.disk.lock import Lock
from augfactory.store.manifest import MANIFEST, Manifest, read_manifest
from augfactory.store.versions import ADDRESS, find_recipe, find_version, version_folders


def redraw(
    asked: str | ExpandRequest,
    reject: Path,
    progress: Progress,
    workers: int,
    lock: Lock,
    *,
    model: Path | None = None,
    dry_run: bool = False,
    runs_on: Engine = worker_pool,
) -> Dataset | Estimate:
    """Draw the rows anew that ``reject`` lists, or say what that would write.

    ``asked`` names the version that they are of, or is the request that made it. ``model`` says
    where the model of that version is now, ``runs_on`` where shards are rendered.

    Raises:
        AugfactoryError: saying what is wrong with the list, the request, the data or the disk.
    """
    about = None
    if isinstance(asked, str):
        anew, inputs = _of_version(asked, reject, model, progress)
    else:
        anew, inputs = _of_request(asked, reject, progress)
        about = asked.about
    if dry_run:
        return estimate_of(build_of(anew.dataset, anew.recipe, inputs))
    with runs_on(workers) as run:
        return make_redraw(anew, inputs, progress, run=run, lock=lock, about=about)


def _of_version(
    text: str, reject: Path, model: Path | None, progress: Progress
) -> tuple[Redraw, BuildInputs]:
    """Return what the list ``reject`` asks of the version that ``text`` names.

    Its manifest says what it was made from; ``model`` says where its model is now, None is where it
    was. Of a dataset without @vN it is the version that the list was made for.

    Raises:
        InputDataError: there is no such version, the list is not one of it, or what it was made
            from has changed or is gone.
        RecipeError: a model for a version without one.
        VerificationError: the version is not what its manifest says.
    """
    folder = _version_listed(text, reject)
    manifest = read_manifest(folder)
    refuse_model(manifest, model)
    asked = plan_redraw(reject, folder, progress)
    inputs = gather_again(folder, manifest, asked.recipe, None, model, progress)
    held = validation_of(folder, manifest)
    if held is not None:
        where = spec_of(held.rows, folder).text
        held = replace(held, rows=held.rows.model_copy(update={"text": where}))
    return asked, replace(inputs, validation=held)


def _of_request(
    request: ExpandRequest, reject: Path, progress: Progress
) -> tuple[Redraw, BuildInputs]:
    """Return what the list ``reject`` asks of the version that the same request once made.

    Raises:
        RecipeError: the request contradicts itself.
        InputDataError: the list is of another version, or of another request: naming what differs.
        VerificationError: the version is not what its manifest says.
    """
    content = listed_content(reject)
    datasets, others = [], []
    for _, inputs, builds in plan_folds(request, progress):
        for build in builds:
            found, unlike = _made_by(build, content)
            if found is not None:
                return plan_redraw(reject, found, progress), inputs
            datasets.append(build.folder.name)
            others += [(build, manifest) for manifest in unlike]
    if others:
        build, manifest = others[-1]
        raise InputDataError(
            reject,
            f"was made for {manifest.address}, and this request is another: "
            f"{_differences(manifest, build)}",
            "Ask as you did for that version, or let it say itself how it was made: "
            f"augfactory expand --reject {reject} {manifest.address}",
        )
    what = "was made for no version" if content is not None else "this request has made no version"
    raise InputDataError(
        reject,
        f"{what} of {' or '.join(datasets)}",
        "Name the version that it is of: augfactory expand --reject FILE NAME@vN",
    )


def _made_by(build: Build, content: str | None) -> tuple[Path | None, list[Manifest]]:
    """Return the version of a build with this content; else those with it, otherwise asked for.

    Without ``content`` it is the version of which no row was drawn anew.
    """
    if content is None:
        return find_recipe(build.folder, build.recipe_id), []
    others = []
    for folder in version_folders(build.folder):
        manifest = read_manifest(folder)
        if manifest.content_hash == content:
            recipe = check_recipe(folder, manifest).model_copy(
                update={"redrawn": (), "left_out": ()}
            )
            if request_id(recipe, manifest) == build.recipe_id:
                return folder, []
            others.append(manifest)
    return None, others


def _differences(manifest: Manifest, build: Build) -> str:
    """Say what a request is, where that for a version was something else."""
    then, now = _plain(manifest.recipe), _plain(build.recipe.model_dump(mode="json"))
    told = [difference.as_text() for difference in between(then, now)]
    if not told:
        told = ["the source images, the model or the validation images"]
    return ", ".join(told)


def _plain(recipe: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in ("redrawn", "left_out")}


def _version_listed(text: str, reject: Path) -> Path:
    """Return the version that ``text`` names, or of a dataset the one that the list is of.

    Raises:
        InputDataError: there is no such dataset, or neither of the two says which version is meant.
    """
    newest = find_version(text)
    if ADDRESS.search(text) or is_there(Path(text) / MANIFEST):
        return newest
    content = listed_content(reject)
    if content is None:
        raise InputDataError(
            reject,
            "lists row numbers, and does not say of which version",
            f"Name it: {text}@{newest.name}",
        )
    for folder in version_folders(newest.parent):
        if read_manifest(folder).content_hash == content:
            return folder
    return newest  # the reader of the list says that it is not of this one
