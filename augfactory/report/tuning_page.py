"""The report of `augfactory tune`: one HTML file, no network."""

from augfactory.evaluation.comparison.tune_results import TuneResults
from augfactory.evaluation.comparison.verdict_words import lead_and_rest
from augfactory.report.page import embedded_json, environment, part
from augfactory.report.page_figures import data_uri
from augfactory.report.recipe_toml import recipe_toml

TEMPLATE = "tuning.html.j2"


def tuning_page(results: TuneResults, figure: bytes) -> bytes:
    """Return the report as HTML in UTF-8; the same bytes for the same arguments.

    ``figure`` is a PNG of the differences.
    """
    html = environment().get_template(TEMPLATE).render(
        document=results,
        told=lead_and_rest(results.text, results.lead),
        style=part("page.css"),
        results=embedded_json(results.plain()),
        recipe=recipe_toml(results.recipe),
        figure=data_uri(figure),
    )  # fmt: skip
    return html.encode()
