"""Which small network learns most, from few images, in few steps: the search behind ``quick``.

A folder of labelled colour images of 32×32 pixels, one folder a class, is split: a few images of
each class are trained on, the others choose. No test image is looked at.

    python benchmarks/choose_classifier.py photos/train each      one change of a base at a time
    python benchmarks/choose_classifier.py photos/train random --minutes 4

On a CUDA device several trainings run at once as CUDA graphs, 3,200 steps in about two seconds
each. ``docs/experiments.md`` has what one such search found.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from augfactory.evaluation.training.muon import COEFFICIENTS, ITERATIONS

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
READINGS = (200, 400, 800, 1200, 1600, 2400, 3200, 4800)
AT_ONCE = 8 if DEVICE.type == "cuda" else 1
ACTIVATIONS: dict[str, type[nn.Module]] = {"silu": nn.SiLU, "gelu": nn.GELU, "relu": nn.ReLU}


@dataclass(frozen=True)
class Choice:
    """A network, how it is trained, for how many steps.

    ``schedule`` is "constant" or "linear" (down to 0 at the end). ``exponent`` is that of the
    average of the weights. ``whiten`` is the side of fixed whitening filters before the first
    block, 0 for none.
    """

    widths: tuple[int, ...] = (32, 96, 128)
    convolutions: int = 2
    activation: str = "gelu"
    whiten: int = 3
    pool: str = "first"
    head: str = "mean and maximum"
    optimiser: str = "adamw"
    rate: float = 2e-3
    decay: float = 0.05
    smoothing: float = 0.1
    scale: float = 1.0
    batch: int = 64
    mixup: float = 0.2
    schedule: str = "constant"
    exponent: float = 6.94
    steps: int = 3200


BASE = Choice()
CHANGES: dict[str, Sequence[Any]] = {
    "rate": (5e-4, 1e-3, 4e-3, 8e-3),
    "decay": (0.005, 0.5, 2.0),
    "batch": (32, 128),
    "smoothing": (0.0, 0.2),
    "whiten": (0, 2, 5),
    "activation": ("relu", "silu"),
    "head": ("mean", "maximum"),
    "pool": ("last",),
    "convolutions": (1, 3),
    "widths": ((32, 64, 64), (64, 128, 128), (64, 128, 256), (128, 256, 512)),
    "mixup": (0.0, 1.0),
    "schedule": ("linear",),
    "exponent": (3.0, 16.0),
}
SPACE: dict[str, Sequence[Any]] = {
    "widths": ((32, 64, 256), (32, 96, 128), (32, 96, 256), (48, 128, 256), (64, 128, 256)),
    "whiten": (0, 2),
    "optimiser": ("muon", "adamw"),
    "decay": (0.0, 0.05, 0.15, 0.4),
    "smoothing": (0.1, 0.2),
    "activation": ("silu", "gelu"),
    "head": ("mean and maximum", "mean"),
    "convolutions": (2, 3),
    "scale": (0.3, 1.0),
}
RATES = {"muon": (5e-3, 1e-2, 2e-2, 4e-2), "adamw": (2e-3, 4e-3)}


class Whitening(nn.Module):
    """Fixed filters that whiten the patches of ``images``, float32 [n, C, H, W], in both signs."""

    def __init__(self, side: int, images: Tensor) -> None:
        super().__init__()
        channels = images.shape[1]
        patches = F.unfold(images - 0.5, side).transpose(1, 2).flatten(0, 1)
        patches = patches - patches.mean(0)
        values, vectors = torch.linalg.eigh((patches.T @ patches / len(patches)).double())
        filters = (vectors / (values + 0.05 * values.max()).sqrt()).T.float()
        filters = filters.reshape(-1, channels, side, side)
        self.register_buffer("filters", torch.cat([filters, -filters]))
        self.side, self.width = side, 2 * len(filters)

    def forward(self, images: Tensor) -> Tensor:
        """Return what the filters say of [n, C, H, W]."""
        return F.conv2d(images - 0.5, self.get_buffer("filters"), padding=self.side // 2)


class Network(nn.Module):
    """The network of a choice: blocks of convolutions, each with one pool, and a dense layer."""

    def __init__(self, choice: Choice, images: Tensor, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inward = images.shape[1]
        if choice.whiten:
            layers.append(Whitening(choice.whiten, images))
            inward = 2 * inward * choice.whiten**2
        for width in choice.widths:
            for place in range(choice.convolutions):
                layers.append(nn.Conv2d(inward, width, 3, padding=1, bias=False))
                if place == 0 and choice.pool == "first":
                    layers.append(nn.MaxPool2d(2))
                layers += [nn.BatchNorm2d(width), ACTIVATIONS[choice.activation]()]
                inward = width
            if choice.pool == "last":
                layers.append(nn.MaxPool2d(2))
        self.body, self.head, self.scale = nn.Sequential(*layers), choice.head, choice.scale
        self.last = nn.Linear(inward * (2 if " and " in choice.head else 1), classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [n, classes] of float32 [n, C, H, W]."""
        found = self.body(images)
        parts = []
        if "mean" in self.head:
            parts.append(found.mean((2, 3)))
        if "maximum" in self.head:
            parts.append(found.amax((2, 3)))
        logits: Tensor = self.last(torch.cat(parts, 1)) * self.scale
        return logits


@dataclass(frozen=True)
class Data:
    """Images float32 [n, C, H, W] in [0, 1] and their classes [n], to train on and to choose by."""

    images: Tensor
    labels: Tensor
    other_images: Tensor
    other_labels: Tensor
    classes: int


class Training:
    """One training, a step at a time; on CUDA a step is a graph on a stream of its own."""

    def __init__(self, choice: Choice, data: Data, seed: int) -> None:
        torch.manual_seed(seed)
        self.choice, self.data = choice, data
        self.targets = F.one_hot(data.labels, data.classes).float()
        own = [Network(choice, data.images.cpu(), data.classes) for _ in range(2)]
        own[1].load_state_dict(own[0].state_dict())
        self.network, self.average = (each.to(DEVICE).train() for each in own)
        self.weights = list(self.network.parameters())
        self.averages = [each.detach() for each in self.average.parameters()]
        self.momenta = [[torch.zeros_like(each) for each in self.weights] for _ in range(2)]
        for each in self.weights:
            each.grad = torch.zeros_like(each)
        self.number = torch.zeros((), device=DEVICE)
        draws = np.random.default_rng(seed).beta(choice.mixup or 1, choice.mixup or 1, 1 << 16)
        self.draws = torch.tensor(draws, dtype=torch.float32, device=DEVICE)
        self.graph: torch.cuda.CUDAGraph | None = None
        self.stream = torch.cuda.Stream() if DEVICE.type == "cuda" else None  # type: ignore[no-untyped-call]
        if self.stream is not None:
            with torch.cuda.stream(self.stream):
                for _ in range(3):
                    self.step()
                self.stream.synchronize()
                self.graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self.graph, stream=self.stream):
                    self.step()

    def go(self) -> None:
        """Take one step."""
        if self.graph is None:
            self.step()
            return
        with torch.cuda.stream(self.stream):
            self.graph.replay()

    def step(self) -> None:
        """Take one step, in operations that a graph can hold."""
        images, targets = self.batch(self.choice.batch)
        smoothing = self.choice.smoothing
        targets = targets * (1 - smoothing) + smoothing / self.data.classes
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda"):
            logits = self.network(images)
        loss = F.cross_entropy(logits.float(), targets)
        gradients = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            self.update(gradients)

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Return varied and mixed images with their soft labels."""
        rows = torch.randint(len(self.data.images), (count,), device=DEVICE)
        images, targets = varied(self.data.images[rows]), self.targets[rows]
        if self.choice.mixup:
            share = self.draws[torch.randint(len(self.draws), (count,), device=DEVICE)]
            images = torch.lerp(images.roll(1, 0), images, share[:, None, None, None])
            targets = torch.lerp(targets.roll(1, 0), targets, share[:, None])
        return images, targets

    def update(self, gradients: Sequence[Tensor]) -> None:
        """Change the weights and their average."""
        choice, (first, second) = self.choice, self.momenta
        self.number += 1
        rate = choice.rate * (self.number / 50).clamp(max=1)
        if choice.schedule == "linear":
            rate = rate * (1 - self.number / (choice.steps + 1)).clamp(min=0)
        share = 1 - (1 - 1 / self.number) ** (choice.exponent + 1)
        for place, (weight, gradient) in enumerate(zip(self.weights, gradients, strict=True)):
            if choice.optimiser == "muon":
                momentum = first[place].mul_(0.9).add_(gradient)
                change = gradient + 0.9 * momentum
                change = orthogonal(change) if weight.ndim > 2 else 3 * change
            else:
                first[place].lerp_(gradient, 0.1)
                second[place].lerp_(gradient * gradient, 0.01)
                deviation = (second[place] / (1 - 0.99**self.number)).sqrt() + 1e-8
                change = first[place] / (1 - 0.9**self.number) / deviation
            if weight.ndim > 1:
                weight.mul_(1 - rate * choice.decay)
            weight.sub_(rate * change)
            self.averages[place].add_(share * (weight - self.averages[place]))

    @torch.no_grad()
    def accuracy(self) -> float:
        """Return the percentage of the other images that the averaged network gets right."""
        norms = [each for each in self.average.modules() if isinstance(each, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        for _ in range(8):
            self.average(self.batch(256)[0])
        self.average.eval()
        rows = range(0, len(self.data.other_images), 500)
        found = torch.cat([self.average(self.data.other_images[row : row + 500]) for row in rows])
        self.average.train()
        return 100 * float((found.argmax(1) == self.data.other_labels).float().mean())


def orthogonal(change: Tensor) -> Tensor:
    """Return the step of ``evaluation/training/muon.py``, without its branches on values."""
    matrix = change.flatten(1)
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if tall else matrix
    found = (found / (found.norm() + 1e-7)).to(torch.bfloat16 if change.is_cuda else torch.float32)
    first, third, fifth = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = found @ found.T
        found = first * found + (third * square + fifth * square @ square) @ found
    step = (found.T if tall else found).float().view_as(change)
    height, width = matrix.shape
    scale = 0.2 * max(height, width) ** 0.5 * max(1.0, height / width) ** 0.5
    scaled: Tensor = step * scale
    return scaled


def varied(images: Tensor) -> Tensor:
    """Turn, shift, zoom, flip and lighten images as the preset "photo" does."""
    count = len(images)

    def draw() -> Tensor:
        return torch.rand(count, device=images.device) * 2 - 1

    angle, zoom = draw() * math.radians(10), 1 + 0.1 * draw()
    flip = torch.sign(draw())
    cosine, sine = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    rows = [torch.stack([cosine * flip, -sine * flip, 0.16 * draw()], 1)]
    rows.append(torch.stack([sine, cosine, 0.16 * draw()], 1))
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return (moved * (1 + 0.2 * draw())[:, None, None, None]).clamp(0, 1)


def split(folder: Path, per_class: int, seed: int) -> Data:
    """Read a folder of class folders; ``per_class`` images of each are for training."""
    images, labels, chosen = [], [], []
    for label, place in enumerate(sorted(each for each in folder.iterdir() if each.is_dir())):
        files = sorted(place.iterdir())
        own = np.random.default_rng([seed, label]).permutation(len(files)) < per_class
        chosen += own.tolist()
        labels += [label] * len(files)
        images += [np.asarray(Image.open(path).convert("RGB")) for path in files]
    every = torch.tensor(np.stack(images)).permute(0, 3, 1, 2).float().div(255).to(DEVICE)
    label_of, kept = torch.tensor(labels, device=DEVICE), torch.tensor(chosen, device=DEVICE)
    return Data(every[kept], label_of[kept], every[~kept], label_of[~kept], max(labels) + 1)


def curves(trainings: Sequence[Training]) -> list[dict[int, float]]:
    """Train all side by side; return step -> accuracy of each."""
    found: list[dict[int, float]] = [{} for _ in trainings]
    for step in range(1, max(each.choice.steps for each in trainings) + 1):
        running = [each for each in trainings if step <= each.choice.steps]
        for each in running:
            each.go()
        if step in READINGS or any(step == each.choice.steps for each in running):
            if DEVICE.type == "cuda":
                torch.cuda.synchronize()
            for own, each in zip(found, trainings, strict=True):
                if step <= each.choice.steps:
                    own[step] = each.accuracy()
    return found


def one_at_a_time() -> Iterator[tuple[str, Choice]]:
    """Return the base, and it with one field changed."""
    yield "base", BASE
    for name, values in CHANGES.items():
        for value in values:
            yield f"{name} = {value}", replace(BASE, **{name: value})


def at_random(steps: int) -> Iterator[tuple[str, Choice]]:
    """Return choices drawn from the space, without end."""
    draw = random.Random(1)
    while True:
        own = {name: draw.choice(values) for name, values in SPACE.items()}
        own["rate"] = draw.choice(RATES[own["optimiser"]])
        yield "", replace(BASE, steps=steps, **own)


def effects(results: Sequence[tuple[Choice, float]]) -> Iterator[str]:
    """Say what each value of each field is worth, by a ridge regression on all of them."""
    columns: list[tuple[str, Any]] = []
    for name in (field.name for field in fields(Choice)):
        values = sorted({getattr(choice, name) for choice, _ in results}, key=str)
        columns += [(name, value) for value in values] if len(values) > 1 else []
    design = np.array(
        [
            [float(getattr(choice, name) == value) for name, value in columns]
            for choice, _ in results
        ]
    )
    design -= design.mean(0)
    accuracy = np.array([own for _, own in results])
    worth = np.linalg.solve(
        design.T @ design + 2 * np.eye(len(columns)), design.T @ (accuracy - accuracy.mean())
    )
    for (name, value), own in zip(columns, worth, strict=True):
        yield f"{name:14s}{value!s:20s}{own:+.2f}"


def main() -> None:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("how", choices=("each", "random"))
    parser.add_argument("--per-class", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--out", type=Path, help="all curves, as JSON lines")
    asked = parser.parse_args()
    begun, results = time.monotonic(), list[tuple[Choice, float]]()
    source = one_at_a_time() if asked.how == "each" else at_random(asked.steps)
    seeds = (0, 1) if asked.how == "each" else (0,)
    while time.monotonic() - begun < 60 * asked.minutes or asked.how == "each":
        wave = [
            named for named, _ in zip(source, range(max(1, AT_ONCE // len(seeds))), strict=False)
        ]
        if not wave:
            break
        jobs = [(name, choice, seed) for name, choice in wave for seed in seeds]
        drawn = len(results)  # at random, each choice is tried on one of eight splits
        splits = [
            seed if asked.how == "each" else (drawn + place) % 8
            for place, (_, _, seed) in enumerate(jobs)
        ]
        trainings = [
            Training(choice, split(asked.folder, asked.per_class, number), seed)
            for number, (_, choice, seed) in zip(splits, jobs, strict=True)
        ]
        for (name, choice, seed), own in zip(jobs, curves(trainings), strict=True):
            results.append((choice, own[choice.steps]))
            print(name, " ".join(f"{step}:{value:.1f}" for step, value in own.items()), flush=True)
            if asked.out is not None:
                with asked.out.open("a") as file:
                    print(json.dumps([asdict(choice), seed, own]), file=file)
    if asked.how == "random":
        print(*effects(results), sep="\n")


if __name__ == "__main__":
    main()
