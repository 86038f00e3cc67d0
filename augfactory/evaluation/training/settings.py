"""How a classifier is trained, the same for every arm of an evaluation."""

from dataclasses import dataclass
from typing import Literal, get_args

from augfactory.errors import RecipeError, one_of

Optimiser = Literal["muon", "adamw", "adam", "rmsprop"]
OPTIMISERS: tuple[Optimiser, ...] = get_args(Optimiser)
# (share of the training, factor of the learning rate from there on), ascending
Drops = tuple[tuple[float, float], ...]
# True: all but the last layer; so many layers from the input; all before the first of that name
Freeze = bool | int | str
Precision = Literal["float32", "bfloat16"]
PRECISIONS = ("auto", *get_args(Precision))
WARM_UP = 50  # steps over which the learning rate rises to its constant value
FIRST_READING = 50
READINGS_PER_DOUBLING = 3


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained: at a constant learning rate, its weights averaged.

    With ``drops`` the rate is constant between them, and by the last one it is nearly at rest, so
    that the average is near the last weights.

    Attributes:
        steps: of the optimiser, as many as the training has when it ends.
        batch: images in a step.
        optimiser: which one; "rmsprop" has Keras' constants.
        learning_rate: after a warm-up of 50 steps.
        weight_decay: decoupled: each step takes this times the learning rate off every weight; with
            "adam" and "rmsprop" this times the weight is added to its gradient.
        label_smoothing: share of each label that is spread evenly over the classes, 0 to 1.
        precision: of the network's products; "bfloat16" keeps weights in float32.
        device: where torch computes, "cpu" or "cuda".
        freeze: what stays as it starts: True for all but the last layer; a number of layers with
            weights, counted from the input; or a name, for all layers before the first whose name
            has it in it.
        horizon: the steps over which an arm's own schedule is spread, such as the order of rounds,
            and ``drops``.
        drops: of the learning rate.
    """

    steps: int = 800
    batch: int = 64
    optimiser: Optimiser = "muon"
    learning_rate: float = 2e-2
    weight_decay: float = 0.15
    label_smoothing: float = 0.1
    precision: Precision = "float32"
    device: str = "cpu"
    freeze: Freeze = False
    horizon: int = 800
    drops: Drops = ()


@dataclass(frozen=True)
class AskedTraining:
    """What is asked for in place of what suits a classifier; None where nothing is."""

    optimiser: Optimiser | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    label_smoothing: float | None = None
    drops: Drops = ()
    freeze: Freeze = False


def learning_rate_at(settings: TrainingSettings, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    drops = reversed(settings.drops)
    factor = next((own for start, own in drops if step >= start * settings.horizon), 1.0)
    return settings.learning_rate * min(1.0, (step + 1) / WARM_UP) * factor


def read_optimiser(name: str) -> Optimiser:
    """Check the name of an optimiser.

    Raises:
        RecipeError: there is none of this name.
    """
    return one_of("--optimiser", "optimiser", name, OPTIMISERS)


def read_drops(text: str) -> Drops:
    """Return the drops that a text such as "0.4:0.1,0.6:0.01" says.

    Raises:
        RecipeError: it says none.
    """
    try:
        found = tuple(
            (float(start), float(factor))
            for start, factor in (part.split(":") for part in text.split(","))
        )
        return checked_drops(found)
    except ValueError as error:
        raise RecipeError(
            "--drops",
            f"{text!r} does not say where the learning rate falls, and to what",
            "Give SHARE:FACTOR, shares of the training ascending between 0 and 1, such as "
            "0.4:0.1,0.6:0.01.",
        ) from error


def checked_drops(drops: Drops) -> Drops:
    """Check drops: shares ascending between 0 and 1, factors above 0.

    Raises:
        ValueError: they are not.
    """
    starts = [start for start, _ in drops]
    if starts != sorted(set(starts)) or not all(0 < start < 1 for start in starts):
        raise ValueError("the shares of the training must ascend between 0 and 1")
    if not all(0 < factor < float("inf") for _, factor in drops):
        raise ValueError("the factors must be above 0")
    return drops


def read_freeze(text: str) -> Freeze:
    """Return what a text means: "last", a number of layers, or the name of a layer.

    Raises:
        RecipeError: it is empty, or the number is 0.
    """
    if text == "last":
        return True
    if not text or (text.isdecimal() and int(text) < 1):
        raise RecipeError(
            "--freeze",
            f"{text!r} keeps nothing fixed",
            "Give a number of layers from the input, the name of the first layer that learns, or "
            "last: the last layer alone learns.",
        )
    return int(text) if text.isdecimal() else text


def reading_steps(steps: int) -> tuple[int, ...]:
    """Return at which steps a training of ``steps`` is measured: three times a doubling, and last.

    50, 63, 79, 100, …: the last fifth of a training that ends at one of them begins at another.
    """
    found: list[int] = []
    place = 0
    while (step := round(FIRST_READING * 2 ** (place / READINGS_PER_DOUBLING))) < steps:
        found.append(step)
        place += 1
    return (*found, steps)


def read_precision(name: str, device: str) -> Precision:
    """Return the precision called ``name``; "auto" is bfloat16 where the device has it.

    Raises:
        RecipeError: there is none of this name.
    """
    one_of("--precision", "precision", name, PRECISIONS)
    if name == "float32":
        return "float32"
    return "bfloat16" if name == "bfloat16" or _has_bfloat16(device) else "float32"


def _has_bfloat16(device: str) -> bool:
    """Tell whether products in bfloat16 are computed by the hardware rather than imitated."""
    import torch  # it takes seconds to load: only when the request is right

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
