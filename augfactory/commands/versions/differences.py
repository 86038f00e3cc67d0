"""How the manifests of two versions differ: recipe, methods, source, model, libraries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from augfactory.source_rows import SourceRows
from augfactory.store.manifest import Manifest

ABSENT: Any = object()
SHORT_HASH = 12
LISTED = ("vary", "mix")  # the keys of a recipe that list stages
REDRAWN, LEFT_OUT = "redrawn", "left_out"  # the keys of a recipe that list rejected rows


@dataclass(frozen=True)
class Difference:
    """One value that differs: its dotted path, and what it is on either side, maybe ``ABSENT``.

    Stages of a recipe are counted from 1: ``mix.1.copies``.
    """

    key: str
    a: Any
    b: Any

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; a side where the key is absent is left out."""
        sides = {"a": self.a, "b": self.b}
        return {"key": self.key, **{k: v for k, v in sides.items() if v is not ABSENT}}

    def as_text(self) -> str:
        """Return ``seed 0 → 1``."""
        shown = {REDRAWN: _shown_rounds, LEFT_OUT: _shown_rows}.get(self.key, _shown)
        return f"{self.key} {shown(self.a)} → {shown(self.b)}"


@dataclass(frozen=True)
class RowsOfSource:
    """How many source rows both versions were made from, and how many only one of them."""

    both: int
    only_a: int
    only_b: int


@dataclass(frozen=True)
class Differences:
    """What differs between the manifests of versions a and b; all empty where nothing does.

    ``rows_of_source`` is None where both have the same.
    """

    recipe: tuple[Difference, ...]
    methods: tuple[Difference, ...]
    source: tuple[Difference, ...]
    rows_of_source: RowsOfSource | None
    model: tuple[Difference, ...]
    images: tuple[Difference, ...]
    validation: tuple[Difference, ...]
    libraries: tuple[Difference, ...]


def compare(a: Manifest, b: Manifest) -> Differences:
    """Compare two manifests."""
    return Differences(
        recipe=between(a.recipe, b.recipe),
        methods=between(a.versions, b.versions),
        source=between(_plain_source(a.source), _plain_source(b.source)),
        rows_of_source=_rows_of_source(a.source.rows, b.source.rows),
        model=_model(a.model, b.model),
        images=between(
            {"image_shape": list(a.image_shape), "class_names": a.class_names},
            {"image_shape": list(b.image_shape), "class_names": b.class_names},
        ),
        validation=between(_validation(a), _validation(b)),
        libraries=between(a.libraries, b.libraries),
    )


def between(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Compare two trees of plain values key by key, in the order of ``a``, then of ``b``.

    A None on one side that is absent on the other is no difference.
    """
    before, after = dict(_leaves(a)), dict(_leaves(b))
    pairs = {key: (before.get(key, ABSENT), after.get(key, ABSENT)) for key in {**before, **after}}
    return tuple(
        Difference(key, *pair)
        for key, pair in pairs.items()
        if pair[0] != pair[1] and not (None in pair and ABSENT in pair)
    )


def recipe_words(recipe: Mapping[str, Any]) -> str:
    """Return a recipe in a few words: ``x10, vae same-class, mixup 5, seed 3``."""
    words = [f"x{recipe.get('factor', '?')}"]
    if recipe.get("per_class") is not None:
        words = [f"{recipe['per_class']} per class"]
    if recipe.get("balance"):
        words.append("balanced")
    own = (recipe.get("class_factors") or {}).items()
    words += [f"{name} x{factor}" for name, factor in own]
    if recipe.get("originals") is False:
        words.append("no originals")
    words += [
        _stage_words(name, stage)
        for name in ("geometry", "vae")
        if (stage := recipe.get(name)) is not None
    ]
    words += [_stage_words(name, stage) for name in LISTED for stage in recipe.get(name) or ()]
    if recipe.get("pseudo_label"):
        words.append("unlabelled images")
    words.append(f"seed {recipe.get('seed', 0)}")
    if recipe.get(REDRAWN):
        words.append(f"{_shown_rounds(recipe[REDRAWN])} drawn anew")
    if recipe.get(LEFT_OUT):
        words.append(f"{_shown_rows(recipe[LEFT_OUT])} left out")
    if recipe.get("format", "hdf5") != "hdf5":
        words.append(str(recipe["format"]))
    return ", ".join(words)


def in_words(a: Manifest, b: Manifest) -> list[str]:
    """Return what sets the request for ``b`` apart from that for ``a``, each in a few words."""
    found = compare(a, b)
    words = _recipe_changes(a.recipe, b.recipe, found.recipe)
    words += [
        f"version of {difference.as_text()}"
        for difference in found.methods
        if ABSENT not in (difference.a, difference.b)  # told as a stage already
    ]
    source = {difference.key: difference for difference in found.source}
    words += [f"source {source[key].as_text()}" for key in source if key != "fingerprint"]
    if found.rows_of_source is not None:
        rows = found.rows_of_source
        words.append(f"source rows +{rows.only_b:,} −{rows.only_a:,}")
    elif "fingerprint" in source:
        words.append("source images or labels changed")
    if found.validation:
        chosen = [entry.in_words if (entry := m.validation) else "none" for m in (a, b)]
        changed = "changed" if chosen[0] == chosen[1] else " → ".join(chosen)
        words.append(f"validation images: {changed}")
    old, new = ((m.model or {}).get("sha256") for m in (a, b))
    if old != new:
        words.append(f"model {_short(old)} → {_short(new)}")
    return words


def _recipe_changes(
    a: Mapping[str, Any], b: Mapping[str, Any], differences: Sequence[Difference]
) -> list[str]:
    """Tell a stage that only one recipe has as one change, not parameter by parameter."""
    words: dict[str, None] = {}
    for difference in differences:
        if difference.key.startswith("class_images."):
            continue  # they follow from the source, whose changes are told
        name, stages = _stage_of(difference.key, a), _stage_of(difference.key, b)
        if name is None and stages is not None:
            words[f"+ {stages}"] = None
        elif stages is None and name is not None:
            words[f"− {name}"] = None
        else:
            words[difference.as_text()] = None
    return list(words)


def _stage_of(key: str, recipe: Mapping[str, Any]) -> str | None:
    """Return the words for the stage that ``key`` lies in; None where ``recipe`` has no such."""
    name, _, rest = key.partition(".")
    if name in LISTED:
        number = int(rest.partition(".")[0] or 1)
        stages = recipe.get(name) or ()
        return _stage_words(name, stages[number - 1]) if number <= len(stages) else None
    if name in ("geometry", "vae"):
        stage = recipe.get(name)
        return None if stage is None else _stage_words(name, stage)
    return name


def _stage_words(name: str, stage: Mapping[str, Any]) -> str:
    if name == "vary":
        share = stage.get("share", 1)
        return f"{stage['method']} {100 * share:g} %" if share < 1 else str(stage["method"])
    if name == "mix":  # where classes have rows of their own numbers, a share has no copies
        often = stage["copies"] or f"{100 * (stage.get('share') or 0):g} %"
        return f"{stage['method']} {often}"
    kind = stage.get("sampler") or (stage.get("parameters") or {}).get("preset")
    return f"{name} {kind}" if kind else name


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for key, value in tree.items():
        inner = value
        if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
            inner = {str(number): each for number, each in enumerate(value, 1)}
        if isinstance(inner, Mapping) and inner:
            leaves += _leaves(inner, f"{prefix}{key}.")
        elif inner not in ({}, [], ()):
            leaves.append((f"{prefix}{key}", list(value) if isinstance(value, tuple) else value))
    return leaves


def _plain_source(source: SourceRows) -> dict[str, Any]:
    return source.model_dump(mode="json", exclude={"rows", "roots", "place"})


def _rows_of_source(a: tuple[int, ...], b: tuple[int, ...]) -> RowsOfSource | None:
    if a == b:
        return None
    ours, theirs = set(a), set(b)
    return RowsOfSource(len(ours & theirs), len(ours - theirs), len(theirs - ours))


def _model(a: dict[str, Any] | None, b: dict[str, Any] | None) -> tuple[Difference, ...]:
    """Where the same weights lay is no difference."""
    if (a or {}).get("sha256") == (b or {}).get("sha256"):
        return ()
    return between(_plain_model(a), _plain_model(b))


def _validation(manifest: Manifest) -> dict[str, Any]:
    """Return the validation images in figures; where they lay is no difference."""
    entry = manifest.validation
    if entry is None:
        return {"images": 0}
    told = entry.model_dump(mode="json", exclude={"source"}, exclude_none=True)
    return {"images": len(entry.source.rows), **told}


def _plain_model(model: dict[str, Any] | None) -> dict[str, Any]:
    trained_on = (model or {}).get("trained_on") or {}
    plain = {k: v for k, v in (model or {}).items() if k not in ("trained_on", "place")}
    return {
        **plain,
        "trained_on": {k: v for k, v in trained_on.items() if k not in ("rows", "place")},
    }


def _shown(value: Any) -> str:
    if value is ABSENT or value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    text = str(value)
    hexadecimal = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return _short(text) if hexadecimal else text


def _shown_rounds(rounds: Any) -> str:
    """Return how many rows were rejected, of several rounds for each of them: ``12 + 3 rows``."""
    if rounds is ABSENT or not rounds:
        return "none"
    counts = [len(pairs) for pairs in rounds]
    return f"{' + '.join(f'{count:,}' for count in counts)} row{'s' if counts != [1] else ''}"


def _shown_rows(rows: Any) -> str:
    """Return how many rows are left out: ``12 rows``."""
    if rows is ABSENT or not rows:
        return "none"
    return f"{len(rows):,} row{'s' * (len(rows) > 1)}"


def _short(digest: str | None) -> str:
    return digest[:SHORT_HASH] if digest else "none"
