"""What other branches of this release bring and pages name already; to be emptied with them."""

# Options of commands, names of classifiers, keys of studies.
COMING: frozenset[str] = frozenset(
    {"--corrupted", "--ensemble", "--save-weights", "resnext29", "densenet-bc", "drops"}
)
