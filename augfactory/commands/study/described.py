"""What a study would train, as ``--dry-run`` says it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from augfactory.commands.study.data import StudyRequest
from augfactory.commands.study.keys import Study
from augfactory.commands.study.study import Prepared


def count_runs(asked: Study) -> int:
    """Return how many classifiers the study trains."""
    return len(asked.arms) * len(asked.n_train) * asked.subsets * asked.seeds


def plan(request: StudyRequest, prepared: Prepared) -> dict[str, Any]:
    """Return what would be trained, for ``--dry-run --json``."""
    asked, data = request.study, prepared.data
    return {
        "size": request.size,
        "classifiers": count_runs(asked),
        "arms": [arm.name for arm in asked.arms],
        "n_train": list(asked.n_train),
        "subsets": asked.subsets,
        "seeds": asked.seeds,
        "steps": asked.steps,
        "source": {"text": asked.source, "rows": len(data.source)},
        "test": {"text": asked.test, "rows": len(data.test)},
    }


def plan_text(
    request: StudyRequest, prepared: Prepared, left_out: Mapping[str, Sequence[Any]]
) -> list[str]:
    """Return the lines that ``--dry-run`` prints."""
    asked, found = request.study, plan(request, prepared)
    numbers = ", ".join(f"{count:,}" for count in asked.n_train)
    lines = [
        f"{found['classifiers']:,} classifiers: {len(asked.arms)} arms × originals ({numbers}) × "
        f"{_counted(asked.subsets, 'draw')} × {_counted(asked.seeds, 'seed')}, "
        f"{asked.steps:,} steps of {asked.batch}",
        f"originals from {asked.source}: {found['source']['rows']:,} images of "
        f"{len(prepared.data.source.class_names)} classes",
        f"tested on {asked.test}: {found['test']['rows']:,} images",
    ]
    lines += [
        f"--{request.size} takes {key} {_shown(here)} where the file has {_shown(there)}"
        for key, (here, there) in left_out.items()
    ]
    return [*lines, *found["arms"]]


def left_out(asked: Study, whole: Study) -> dict[str, list[Any]]:
    """Return in what ``asked`` differs from the file's own size: key -> [here, there]."""
    found = {}
    for key in Study.model_fields:
        if key in ("arms", "source", "test"):
            continue
        here, there = getattr(asked, key), getattr(whole, key)
        if here != there:
            found[key] = [_plain(here), _plain(there)]
    if len(asked.arms) != len(whole.arms):
        found["arms"] = [len(asked.arms), len(whole.arms)]
    return found


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {own}" for key, own in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
