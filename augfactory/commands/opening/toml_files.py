"""Read the TOML files that a request is written in: recipes and studies."""

from pathlib import Path
from typing import Any

from augfactory.errors import RecipeError
from augfactory.guarded.documents import LARGEST_TOML
from augfactory.guarded.files import read_file
from augfactory.pipeline.recipes.recipe_file import tables_of


def read_tables(path: Path, remedy: str) -> dict[str, Any]:
    """Return the tables of the TOML file in ``path``; ``remedy`` where it cannot be read.

    Raises:
        RecipeError: it is not a regular file, cannot be read, or is not TOML.
    """
    try:
        text = read_file(path, LARGEST_TOML).decode()
    except UnicodeDecodeError as error:
        what = f"it is not UTF-8 text (byte {error.start:,} is wrong)"
        raise RecipeError(path, f"cannot be read: {what}", "Save it as UTF-8.") from error
    except OSError as error:
        raise RecipeError(path, f"cannot be read: {error.strerror or error}", remedy) from error
    except ValueError as error:
        raise RecipeError(path, f"cannot be read: {error}", remedy) from error
    return tables_of(text, str(path))
