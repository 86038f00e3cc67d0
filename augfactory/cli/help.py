"""Help with the options of a long command in groups."""

import re
from typing import Any

import typer.core

FEW = 12  # options that fit one group
VALUES = {"int": "N", "float": "X", "str": "TEXT", "path": "PATH"}
GROUPS = {
    "Images": (
        *("n-train", "size", "fit", "grey", "rgb", "source", "test", "held-out", "download"),
        "skip-broken",
        *("labels", "root", "file-column", "label-column", "follow-links"),
    ),
    "Geometry and mixing": (
        *("geometry", "preset", "vary"),
        *("mixup", "ricap", "cutmix", "augmix", "mix", "mix-from"),
    ),
    "VAE": (
        *("model", "checkpoint", "share", "decode", "filter", "sampler", "temperature", "reach"),
        *("architecture", "latent", "kl-weight", "warmup", "save-at-loss"),
    ),
    "Validation images": ("validation", "folds", "group", "with-validation"),
    "Unlabelled images": ("unlabelled", "pseudo-label"),
    "What is compared": ("arm", "baseline", "real-share", "corruptions"),
    "Training": (
        *("classifier", "weights", "freeze", "save-weights", "seeds", "steps", "minutes", "batch"),
        *("optimiser", "learning-rate", "weight-decay", "label-smoothing", "drops", "loss"),
        *("order", "precision", "patience", "verdict"),
    ),
    "Card": ("licence", "description", "author"),
    "Running": ("workers", "engine", "address", "device", "lock", "json", "quiet", "debug", "help"),
}


class GroupedCommand(typer.core.TyperCommand):
    """A command whose help names its options under the headings of ``GROUPS``.

    Required options and those of no group come first, under "Options". A command of few options has
    that heading alone. An option whose ``rich_help_panel`` is set comes under that one.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options."""
        arguments, options = [], []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            record = (re.sub(r" <(?:list\[)?(\w+).*>$", _value, record[0]), record[1])
            if parameter.param_type_name == "argument":
                arguments.append(record)
            else:
                options.append((_group(parameter), record))
        sections = {"Arguments": arguments}
        for heading in ("Options", *GROUPS):
            few = len(options) <= FEW
            sections[heading] = [
                record for group, record in options if ("Options" if few else group) == heading
            ]
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def _value(found: re.Match[str]) -> str:
    return f" {VALUES.get(found[1], found[1].upper())}"


def _group(option: Any) -> str:
    if option.required:
        return "Options"
    if option.rich_help_panel is not None:
        return str(option.rich_help_panel)
    name = max(option.opts, key=len).removeprefix("--")
    return next((heading for heading, names in GROUPS.items() if name in names), "Options")
