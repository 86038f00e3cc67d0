"""Tests of augfactory.methods."""
