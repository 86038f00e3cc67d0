"""Print how large the house is: lines, record classes, imports, files in a folder, functions.

``python tools/house.py`` reads the code of ``augfactory/``. A record class is one that only holds
data: a dataclass, a pydantic model, a named tuple or a typed dictionary.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parents[1] / "augfactory"
RECORDS = {"BaseModel", "NamedTuple", "TypedDict"}


def measured() -> dict[str, str]:
    """Return each figure by its name."""
    paths = sorted(PACKAGE.rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    lengths = {path: len(text.splitlines()) for path, text in texts.items()}
    trees = [ast.parse(text) for text in texts.values()]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = {node.name for node in classes if _is_record(node, RECORDS)}
    for _ in classes:  # those that inherit from a record are records too
        more = {node.name for node in classes if _is_record(node, RECORDS | names)}
        if more == names:
            break
        names = more
    total = sum(lengths.values())
    imports = sum(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    folders = Counter(path.parent for path in paths if path.name != "__init__.py")
    fullest, files = folders.most_common(1)[0]
    functions = sorted(length for tree in trees for length in _function_lengths(tree))
    sizes = sorted(length for path, length in lengths.items() if path.name != "__init__.py")
    return {
        "lines": f"{total:,} in {len(paths)} files",
        "record classes": f"{len(names)}, {1000 * len(names) / total:.1f} per 1,000 lines",
        "import lines": f"{100 * imports / total:.1f} %",
        "files in the fullest folder": f"{files} in {fullest.relative_to(PACKAGE.parent)}",
        "lines a module": f"median {median(sizes):.0f}, most {sizes[-1]}",
        "lines a function's body": f"median {median(functions):.0f}, most {functions[-1]}",
    }


def _is_record(node: ast.ClassDef, bases: set[str]) -> bool:
    decorated = any("dataclass" in ast.unparse(each) for each in node.decorator_list)
    return decorated or any(ast.unparse(base).split("[")[0] in bases for base in node.bases)


def _function_lengths(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of each function's body: a command's options are a list, not code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.body[0].lineno + 1


if __name__ == "__main__":
    for name, figure in measured().items():
        print(f"{name:30s} {figure}")
