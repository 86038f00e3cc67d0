"""What files hold, parsed and checked: arrays, labels, pixels."""
