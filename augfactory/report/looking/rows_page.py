"""The rows of a dataset version to look through and mark: one HTML file, no network."""

import base64
import hashlib
from typing import Any

from augfactory.report.page import embedded_json, environment, part

TEMPLATE = "looking/rows.html.j2"


def rows_page(title: str, remarks: list[str], data: dict[str, Any]) -> bytes:
    """Return the page as HTML in UTF-8; the same bytes for the same arguments.

    Every text may come from strangers and is shown as text. The page fetches nothing: a policy in
    it forbids that, and any script but its own.

    Args:
        title: what is shown.
        remarks: sentences on what the page holds and what it does not.
        data: what the script shows, as ``commands/versions/rows/looking.py`` has it.
    """
    script = part("looking/rows.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    html = environment().get_template(TEMPLATE).render(
        title=title,
        remarks=remarks,
        style=part("page.css") + part("looking/rows.css"),
        script=script,
        script_hash=f"sha256-{digest}",
        data=embedded_json(data),
    )  # fmt: skip
    return html.encode()
