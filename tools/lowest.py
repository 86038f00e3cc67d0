"""Print constraints that hold each dependency to the oldest version ``pyproject.toml`` promises.

``make test-lowest`` installs with them. torch and torchvision keep the versions of
``constraints.txt``: their older wheels need CUDA libraries of gigabytes.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINNED = {"torch", "torchvision"}
# What the oldest matplotlib and typer use; later ones warn of how they do so.
OF_THEIR_TIME = ["pyparsing<3.3", "click==8.2.1"]


def lowest(promised: list[str], pinned: list[str]) -> list[str]:
    """Return one constraint for each requirement that names an oldest version."""
    lines = [line for line in pinned if line.split("==")[0] in PINNED] + OF_THEIR_TIME
    for requirement in promised:
        found = re.match(r"([\w-]+)>=([\w.]+)$", requirement)
        if found and found[1] not in PINNED:
            lines.append(f"{found[1]}=={found[2]}")
    return lines


def main() -> None:
    """Read both files of the repository and print the constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    promised = project["dependencies"] + project["optional-dependencies"]["dev"]
    pinned = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    print("\n".join(lowest(promised, pinned)))


if __name__ == "__main__":
    main()
