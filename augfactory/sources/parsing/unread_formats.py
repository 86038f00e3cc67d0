"""Image formats that are not read, told apart by name or content: what to do with them."""

from collections.abc import Iterable
from pathlib import PurePath

HEAD_BYTES = 132  # from which the content can be told
HEIC = (
    "a HEIC photograph (of a phone), which is not read",
    "Convert it to JPEG or PNG: `magick mogrify -format jpg *.heic`, or with pillow-heif in "
    "Python.",
)
DICOM = (
    "a DICOM file, which is not read: what its grey levels mean depends on the window",
    "Choose a window and write PNG files: `dcmj2pnm +Wi 1 in.dcm out.png`, or with pydicom in "
    "Python.",
)
NIFTI = ("a NIfTI volume, which is not read", "Write its slices as PNG files, with nibabel.")
OTHER = ("of a format that is not read", "Convert it to PNG or JPEG.")
BY_SUFFIX = {
    **dict.fromkeys((".heic", ".heif", ".hif", ".avif"), HEIC),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), DICOM),
    **dict.fromkeys((".nii",), NIFTI),
    **dict.fromkeys(
        (".jp2", ".j2k", ".jxl", ".psd", ".svg", ".dng", ".cr2", ".nef", ".arw"), OTHER
    ),
}
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")


def format_by_name(name: str) -> tuple[str, str] | None:
    """Return what the file is and what to do, where its name says a format that is not read."""
    return BY_SUFFIX.get(PurePath(name.lower().removesuffix(".gz")).suffix)


def format_by_content(head: bytes) -> tuple[str, str] | None:
    """Return the same, where its first bytes say so."""
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return HEIC
    return DICOM if head[128:132] == b"DICM" else None


def first_unread(names: Iterable[str]) -> tuple[str, str, str] | None:
    """Return the first of ``names`` that is of such a format, what it is, and what to do."""
    for name in sorted(names):
        if (found := format_by_name(name)) is not None:
            return (name, *found)
    return None
