"""What a study works on: opened, found to fit together, its draws of originals made."""

from dataclasses import dataclass
from pathlib import Path

from augfactory.commands.evaluate.inputs import refuse_shared, unused_rows
from augfactory.commands.opening.fit import check_fit
from augfactory.commands.opening.groups import refuse_shared_groups, shared_groups
from augfactory.commands.opening.look import Looked, look
from augfactory.commands.opening.near_copies import near_duplicates
from augfactory.commands.opening.notes import suited_preset
from augfactory.commands.opening.reading import spec_read_by
from augfactory.commands.progress import Progress
from augfactory.commands.study.keys import Study
from augfactory.engines.processes import Engine, worker_pool
from augfactory.errors import RecipeError
from augfactory.evaluation.comparison.results import Alert
from augfactory.records import Int64Array, Source, SourceSpec, read_size
from augfactory.source_rows import SourceRows, rows_of
from augfactory.sources.choosing.subset import stratified_rows
from augfactory.sources.opening import open_source, refuse_test_split, split_suffix
from augfactory.sources.table import SUFFIXES
from augfactory.sources.unlabelled import open_unlabelled
from augfactory.store.disk.lock import Lock

TABLE = ("root", "file_column", "label_column")  # options of tables
CONVERTED = "convert both: --size 64, or the keys `size` and `colour` of the study"


@dataclass(frozen=True)
class StudyRequest:
    """What `augfactory study` was asked for: ``size`` is which of its three it is.

    ``lock`` is how other writers are kept out of its folder, ``runs_on`` is where work is done.
    """

    study: Study
    size: str
    out: Path
    workers: int = 1
    download: bool = False
    lock: Lock = "flock"
    skip_broken: bool = False
    runs_on: Engine = worker_pool


@dataclass(frozen=True)
class Draw:
    """One draw of originals, and labelled rows of the source that are not among them."""

    n_train: int
    subset: int
    rows: SourceRows
    held_out: SourceRows | None

    @property
    def name(self) -> str:
        """What its model and its datasets are called after."""
        return f"n{self.n_train}-s{self.subset}"


@dataclass(frozen=True)
class StudyData:
    """What the whole study works on."""

    spec: SourceSpec
    source: Source  # its images that can be read
    looked: Looked
    test_rows: SourceRows
    test: Source
    alerts: tuple[Alert, ...]
    unlabelled: SourceSpec | None = None
    preset: str = "none"
    group: str | None = None
    test_groups: Int64Array | None = None  # see ``shared_groups``


def open_data(request: StudyRequest, progress: Progress) -> StudyData:
    """Open source and test, and refuse what cannot be compared.

    Raises:
        RecipeError: there are too many classes for so few test images.
        InputDataError: a source cannot be used, or a test image is in the training source.
    """
    asked = request.study
    size = None if asked.size is None else read_size(asked.size)
    if asked.fit is not None and size is None:
        raise RecipeError("fit", "says how images are brought to a size", "Give size too.")

    def spec_of(text: str) -> SourceSpec:
        read = {
            "fit": asked.fit,
            "follow_links": asked.follow_links,
            "skip_broken": request.skip_broken,
        }
        if text == asked.source or _is_table_of(text, asked.source):
            read |= {name: getattr(asked, name) for name in TABLE}
        return spec_read_by(text, size, asked.colour, read, download=request.download)

    spec, test_spec = spec_of(asked.source), spec_of(asked.test)
    opened, opened_test = open_source(spec), open_source(test_spec)
    refuse_test_split(opened, "a training set made")
    check_fit(opened, opened_test, how=CONVERTED)
    looked, looked_test = look(spec, opened, progress), look(test_spec, opened_test, progress)
    source, test = looked.source, looked_test.source
    refuse_shared_groups(source, test, asked.group)
    learnt, unlabelled = [source], None
    if asked.unlabelled is not None:
        unlabelled = spec_of(asked.unlabelled)
        learnt.append(open_unlabelled(unlabelled))
    total = sum(map(len, learnt)) + len(test)
    with progress.bar("looking for test images among the originals", total, "image") as bar:
        hashes = refuse_shared(learnt, test, bar.advance)
    alerts = tuple(near_duplicates(source, test, learnt[1:]))
    if asked.test_rows is not None and asked.test_rows < len(test):
        chosen = stratified_rows(test.labels, asked.test_rows, 0, "test_rows")
        looked_test = looked_test.chosen(chosen)
        test, hashes = looked_test.source, hashes[chosen]
    test_rows = rows_of(test_spec, test, looked_test.numbers, skipped=looked_test.skipped)
    preset = suited_preset(source, progress)  # one for all draws
    return StudyData(
        spec, source, looked, test_rows, test, alerts, unlabelled, preset, asked.group,
        shared_groups(test, asked.group, hashes),
    )  # fmt: skip


def _is_table_of(text: str, source: str) -> bool:
    """Tell whether a SOURCE is a split of ``source``, or a table itself."""
    name = split_suffix(text)[0]
    return name == split_suffix(source)[0] or Path(name).suffix.lower() in SUFFIXES


def draw_originals(data: StudyData, n_train: int, subset: int) -> Draw:
    """Draw ``n_train`` originals evenly over the classes; ``subset`` is the seed.

    Raises:
        RecipeError: there are not so many.
    """
    numbers = stratified_rows(data.source.labels, n_train, subset, "n_train")
    drawn = data.looked.chosen(numbers)
    rows = rows_of(data.spec, drawn.source, drawn.numbers, skipped=drawn.skipped)
    held_out = None
    # Images that an arm labels and learns are not held out any more.
    if data.unlabelled is None or data.unlabelled.text != data.spec.text:
        held_out, _ = unused_rows(data.looked, data.spec, numbers, data.group)
    return Draw(n_train, subset, rows, held_out)
