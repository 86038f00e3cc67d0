"""Lay the repository's pages out in .site/, for mkdocs to build the site from: ``make site``.

Pages keep their places, so that their links hold; what they link to besides pages is copied too.
"""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".site"
PAGES = ("*.md", "docs/*.md", "docs/decisions/*.md", "examples/*.md", "studies/*.md")
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)#:\s]+)(#[^)]*)?\)")


def index(folder: Path) -> str:
    """Return a page that lists the pages of a folder by their titles."""
    lines = [f"# {folder.name.capitalize()}", ""]
    for path in sorted(folder.glob("*.md")):
        title = path.read_text("utf-8").splitlines()[0].removeprefix("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines) + "\n"


def laid_out(page: Path) -> str:
    """Return the text of a page for the site: where a link leads to a folder, to its page."""

    def led(link: re.Match[str]) -> str:
        target = page.parent / link["target"]
        if not target.is_dir():
            return link[0]
        known = (target / "README.md").exists() or target == ROOT / "docs" / "decisions"
        path = link["target"].rstrip("/")
        return f"[{link['text']}]({path}/README.md)" if known else link["text"]

    text = LINK.sub(led, page.read_text(encoding="utf-8"))
    # GitHub wants a pipe in a table's code escaped; mkdocs would show the backslash.
    return re.sub(r"`[^`\n]+`", lambda code: code[0].replace("\\|", "|"), text)


def copy(target: Path) -> None:
    """Copy a file that a page links to."""
    place = PLACE / target.relative_to(ROOT)
    if target.is_file() and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(target, place)


def main() -> None:
    """Lay all pages out anew."""
    shutil.rmtree(PLACE, ignore_errors=True)
    pages = [page for pattern in PAGES for page in sorted(ROOT.glob(pattern))]
    for page in pages:
        place = PLACE / page.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(laid_out(page), encoding="utf-8")
    decisions = ROOT / "docs" / "decisions"
    (PLACE / "docs/decisions/README.md").write_text(index(decisions), encoding="utf-8")
    for page in pages:
        for link in LINK.finditer(page.read_text(encoding="utf-8")):
            copy((page.parent / link["target"]).resolve())


if __name__ == "__main__":
    main()
