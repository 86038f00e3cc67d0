"""Layouts: one way in which trainers expect a training set, per file."""
