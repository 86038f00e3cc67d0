"""Every method, one line each."""

from augfactory.methods import (
    augmix,
    crop,
    cutmix,
    erasing,
    geometry,
    grid,
    jitter,
    mixup,
    randaugment,
    ricap,
    stroke,
    trivialaugment,
)
from augfactory.methods.method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        geometry.METHOD,
        mixup.METHOD,
        ricap.METHOD,
        cutmix.METHOD,
        augmix.METHOD,
        erasing.METHOD,
        grid.METHOD,
        trivialaugment.METHOD,
        randaugment.METHOD,
        crop.METHOD,
        jitter.METHOD,
        stroke.METHOD,
    )
}
