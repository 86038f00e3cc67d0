"""The report of `augfactory tune`: one HTML file, no network."""

import base64
from collections.abc import Mapping
from typing import Any

from augfactory.report.page import embedded_json, environment, part
from augfactory.report.recipe_toml import recipe_toml

TEMPLATE = "tuning.html.j2"


def tuning_page(document: Mapping[str, Any], figure: bytes) -> bytes:
    """Return the report as HTML in UTF-8; the same bytes for the same arguments.

    ``document`` is what results.json holds, ``figure`` a PNG of the differences.
    """
    html = environment().get_template(TEMPLATE).render(
        document=document,
        style=part("page.css"),
        results=embedded_json(document),
        recipe=recipe_toml(document["recipe"]),
        figure=f"data:image/png;base64,{base64.b64encode(figure).decode()}",
    )  # fmt: skip
    return html.encode()
