"""Tests of augfactory.arrays."""
