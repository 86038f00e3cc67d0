"""What a dataset is called, and its folder."""

from pathlib import Path

from augfactory.commands.expand.classes import ClassRule
from augfactory.errors import RecipeError
from augfactory.guarded.text import escaped, problem_with_name

LONGEST_NAME = 200  # bytes; a folder may have 255, and the factor is put after it
MOST_SHOWN = 60  # letters of it in a message


def check_dataset_name(out: Path) -> None:
    """Refuse a NAME that no folder can have, or none whose files everything can read.

    Raises:
        RecipeError: it is missing, too long, no UTF-8, or holds a control character.
    """
    remedy = "Name the dataset by a word of letters and digits, such as --out data/digits."
    shown = escaped(str(out))
    if out.name in ("", ".."):
        raise RecipeError(f"--out {shown}", "there is no name at the end of it", remedy)
    problem = problem_with_name(str(out))
    if problem is not None:
        raise RecipeError(f"--out {shown}", f"it cannot be a name: {problem}", remedy)
    size = len(out.name.encode())
    if size > LONGEST_NAME:
        raise RecipeError(
            f"--out {shown[:MOST_SHOWN]}…",
            f"the name has {size:,} bytes, more than the {LONGEST_NAME} that it may have",
            remedy,
        )


def dataset_folder(out: Path, rule: ClassRule, factor: int | None, fold: int | None) -> Path:
    """Return the folder of the dataset NAME of ``out``, and of a fold where there are folds."""
    return out.with_name(f"{out.name}{rule.title(factor)}{'' if fold is None else f'-fold{fold}'}")
