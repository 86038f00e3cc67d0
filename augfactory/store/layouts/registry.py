"""All layouts by name, in the order in which help names them."""

from augfactory.names import LAYOUTS as NAMES
from augfactory.names import registered
from augfactory.store.layouts.trainer_layout import TrainerLayout

LAYOUTS: dict[str, TrainerLayout] = registered("store.layouts", NAMES, "LAYOUT")
