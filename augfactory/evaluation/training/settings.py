"""How a classifier is trained, the same for every arm of an evaluation."""

from dataclasses import dataclass
from typing import Literal, get_args

from augfactory.errors import one_of

Optimiser = Literal["muon", "adamw"]
Precision = Literal["float32", "bfloat16"]
PRECISIONS = ("auto", *get_args(Precision))
WARM_UP = 50  # steps over which the learning rate rises to its constant value
FIRST_READING = 50
READINGS_PER_DOUBLING = 3


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained: at a constant learning rate, its weights averaged.

    Attributes:
        steps: of the optimiser, as many as the training has when it ends.
        batch: images in a step.
        optimiser: which one.
        learning_rate: after a warm-up of 50 steps.
        weight_decay: decoupled; each step takes this times the learning rate off every weight.
        label_smoothing: share of each label that is spread evenly over the classes, 0 to 1.
        precision: of the network's products; "bfloat16" keeps weights in float32.
        device: where torch computes, "cpu" or "cuda".
        freeze: whether the last layer alone learns, and all before it stays as it starts.
        horizon: the steps over which an arm's own schedule is spread, such as the order of rounds.
    """

    steps: int = 800
    batch: int = 64
    optimiser: Optimiser = "muon"
    learning_rate: float = 2e-2
    weight_decay: float = 0.15
    label_smoothing: float = 0.1
    precision: Precision = "float32"
    device: str = "cpu"
    freeze: bool = False
    horizon: int = 800


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
