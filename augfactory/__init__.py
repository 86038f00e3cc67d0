"""augfactory: a small labelled image set in, a large, versioned training set out."""

__version__ = "0.1.0"
