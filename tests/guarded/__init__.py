"""Tests of augfactory.guarded."""
