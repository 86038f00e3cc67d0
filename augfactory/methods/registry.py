"""Every method, one line each."""

from augfactory.methods import (
    augmix,
    cutmix,
    erasing,
    geometry,
    grid,
    mixup,
    ricap,
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
    )
}
