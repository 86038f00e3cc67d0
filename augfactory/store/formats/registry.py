"""Every storage format: one line each."""

from augfactory.store.formats import hdf5, parquet, png, webdataset

FORMATS = {
    format.name: format
    for format in (
        hdf5.FORMAT,
        png.FORMAT,
        parquet.FORMAT,
        webdataset.FORMAT,
    )
}
