"""Every method, one line each."""

from augfactory.methods import cutmix, mixup, ricap
from augfactory.methods.method import Method

METHODS: dict[str, Method] = {
    method.name: method for method in (mixup.METHOD, ricap.METHOD, cutmix.METHOD)
}
