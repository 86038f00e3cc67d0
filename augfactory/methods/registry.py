"""Every method, by its name in ``names.py``."""

from augfactory.methods.method import Method
from augfactory.names import METHODS as NAMES
from augfactory.names import registered

METHODS: dict[str, Method] = registered("methods", NAMES, "METHOD")
