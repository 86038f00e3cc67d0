"""The constants of MNIST-C: one severity each, for images of 28 pixels.

They are the defaults of google-research/mnist-c, corruptions.py. There most of them are one of
five; which, is noted.
"""

from functools import partial

from augfactory.evaluation.corruptions import blur, digital, geometry, noise, overlays, weather
from augfactory.evaluation.corruptions.batch import Change

TITLE = "MNIST-C-style"
EXTRA_TITLE = "symmetric glass blur"
SIDE = 28
# They are also among AugMix's nine operations.
OVERLAPS_AUGMIX = frozenset({"shear", "rotate", "translate"})

CHANGES: dict[str, tuple[Change, ...]] = {
    "shot_noise": (partial(noise.shot_noise, photons=3),),  # 5
    "impulse_noise": (partial(noise.impulse_noise, amount=0.17),),  # 4
    "glass_blur": (  # 1
        partial(blur.glass_blur, deviation=0.7, distance=1, rounds=2, swap=True, vertical=True),
    ),
    "motion_blur": (partial(blur.motion_blur, radius=10, deviation=3),),  # 1
    "shear": (partial(geometry.shear, angle=0.4),),  # 2
    "scale": (partial(geometry.scale, factor=0.7),),  # 3
    "rotate": (partial(geometry.rotate, angle=0.4),),  # 2
    "brightness": (partial(digital.brightness, amount=0.5),),  # 5
    "translate": (partial(geometry.translate, pixels=3),),  # 3
    "stripe": (partial(overlays.stripe, share=0.25),),
    "fog": (partial(weather.fog, strength=3, decay=1.4, side=256),),  # 5
    "spatter": (  # 4
        partial(weather.spatter, mean=0.65, deviation=0.3, drop=1, threshold=0.65, softness=1.5),
    ),
    "dotted_line": (partial(overlays.dotted_line, reach=2.3, dot=2),),
    "zigzag": (partial(overlays.zigzag, reach=2.3, turn=2, margin=2, slope=5),),
    "canny_edges": (partial(overlays.canny_edges, deviation=1, low=0.1, high=0.2),),
}
# Of no mean of MNIST-C: its glass blur as it was meant, where the published files have it up and
# down alone.
EXTRA: dict[str, tuple[Change, ...]] = {
    "glass_blur_symmetric": (
        partial(blur.glass_blur, deviation=0.7, distance=1, rounds=2, swap=True),
    ),
}
