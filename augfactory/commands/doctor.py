"""Whether this installation is whole: a list of checks, each with a remedy where it fails.

Nothing that is told names a user, a folder of theirs or the machine.
"""

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from augfactory.engines.processes import can_start_workers, default_workers
from augfactory.guarded.tables import aligned
from augfactory.sources.sample import sample_folder
from augfactory.sources.torchvision_source import ROOT_VARIABLE, torchvision_root
from augfactory.store.manifest import program

LITTLE_MEMORY, LITTLE_DISK = 2 * 2**30, 2**30
AGAIN = "python -m pip install --upgrade augfactory"
SAME_ORIGIN = (
    "Install torch and torchvision together, from the same index and for the same kind of device."
)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: of what was looked at.
        found: in words.
        state: "ok", "note" where something optional is missing, or "problem".
        remedy: how to mend it, empty where there is nothing to mend.
        value: the same for programs.
    """

    name: str
    found: str
    state: str = "ok"
    remedy: str = ""
    value: Any = None


def checks() -> list[Check]:
    """Look at everything; what fails is a check that failed, never an error."""
    found: list[Check] = []
    for name, look in CHECKS.items():
        try:
            found += look()
        except Exception as error:  # a broken installation may raise anything
            what = f"cannot be looked at: {type(error).__name__}"
            found.append(Check(name, what, "problem", f"Install again: {AGAIN}"))
    return found


def as_json(found: list[Check]) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "ok": all(check.state != "problem" for check in found),
        "checks": [vars(check) for check in found],
    }


def as_text(found: list[Check]) -> str:
    """Return what is printed for a person."""
    marks = {"ok": "ok", "note": "note", "problem": "PROBLEM"}
    lines = [[marks[check.state], check.name, check.found] for check in found]
    parts = [aligned(lines, words=3)]
    problems = sum(check.state == "problem" for check in found)
    for heading, state in (("To mend it:", "problem"), ("Optional:", "note")):
        told = [check for check in found if check.remedy and check.state == state]
        if told:
            parts.append("\n".join([heading, *(f"  {each.name}: {each.remedy}" for each in told)]))
    number = "1 problem" if problems == 1 else f"{problems} problems"
    parts.append(number if problems else "All that augfactory needs is here.")
    return "\n\n".join(parts)


def _program() -> Iterator[Check]:
    own = program().removeprefix("augfactory").strip() or "not installed as a package"
    yield Check("augfactory", own, value=own)
    yield Check("python", platform.python_version(), value=platform.python_version())
    system = f"{platform.system()} {platform.machine()}"
    yield Check("system", system, value=system)


def _packages() -> Iterator[Check]:
    """Yield a check for each required package, and one for each extra."""
    extras: dict[str, list[tuple[str, bool]]] = {}
    for line in requires("augfactory") or ():
        needed = Requirement(line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", str(needed.marker or ""))
        there = package_version(needed.name)
        fits = there is not None and needed.specifier.contains(there, prereleases=True)
        if extra is not None:
            extras.setdefault(extra[1], []).append((needed.name, fits))
        elif needed.marker is None or needed.marker.evaluate():
            yield _package(needed, there, fits=fits)
    for name_of_extra, packages in extras.items():
        missing = [name for name, fits in packages if not fits]
        words = f"{len(packages) - len(missing)} of {len(packages)} packages"
        yield Check(
            f"extra [{name_of_extra}]",
            words + (f"; missing: {', '.join(missing)}" if missing else ""),
            "note" if missing else "ok",
            f"Only if you want it: python -m pip install 'augfactory[{name_of_extra}]'"
            if missing
            else "",
            {"missing": missing},
        )


def _package(needed: Requirement, there: str | None, *, fits: bool) -> Check:
    if there is None:
        remedy = f"python -m pip install '{needed.name}{needed.specifier}'"
        return Check(needed.name, "is not installed", "problem", remedy)
    if fits:
        return Check(needed.name, there, value=there)
    remedy = f"python -m pip install '{needed.name}{needed.specifier}'"
    return Check(
        needed.name, f"{there}, and {needed.specifier} is needed", "problem", remedy, there
    )


def _torchvision() -> Iterator[Check]:
    """Tell whether torchvision loads by itself; augfactory gets along with one that does not."""
    if find_spec("torchvision") is None:
        return  # told among the packages
    from augfactory.torchvision_import import import_torchvision

    try:
        import_torchvision()
        extension = import_torchvision("torchvision.extension")
        whole = bool(extension._has_ops())
    except Exception as error:
        what = f"cannot be loaded: {type(error).__name__}"
        yield Check("torchvision is whole", what, "problem", SAME_ORIGIN, value=False)
        return
    if whole:
        yield Check("torchvision is whole", "yes", value=True)
    else:
        what = "its compiled part does not fit torch; augfactory does without it, others may not"
        yield Check("torchvision is whole", what, "note", SAME_ORIGIN, value=False)


def _cores() -> Iterator[Check]:
    every, own = os.cpu_count() or 1, default_workers()
    words = f"{own} worker process{'es' * (own > 1)} by default, {every} cores in the machine"
    if can_start_workers():
        yield Check("cores", words, value={"cores": every, "workers": own})
    else:
        remedy = "Run it from a file or a shell, where further Python processes can be started."
        yield Check("cores", "workers cannot be started here", "note", remedy, {"cores": every})


def _memory() -> Iterator[Check]:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        yield Check("memory", "this system does not tell", "note")
        return
    page = os.sysconf("SC_PAGE_SIZE")
    every = os.sysconf("SC_PHYS_PAGES") * page
    free = os.sysconf("SC_AVPHYS_PAGES") * page if "SC_AVPHYS_PAGES" in os.sysconf_names else None
    words = f"{every / 2**30:.1f} GiB" + ("" if free is None else f", {free / 2**30:.1f} GiB free")
    value = {"bytes": every, "free": free}
    if every < LITTLE_MEMORY:
        remedy = "Use --workers 1 and a small --size, or a machine with 2 GiB or more."
        yield Check("memory", words, "problem", remedy, value)
    else:
        yield Check("memory", words, value=value)


def _devices() -> Iterator[Check]:
    if find_spec("torch") is None:
        return  # told among the packages
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        how = f"torch is built for CUDA {built}" if built else "torch is built for CPUs"
        yield Check("devices", f"cpu; no CUDA device, {how}", value=["cpu"])
        return
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    yield Check("devices", f"cpu, cuda ({', '.join(names)})", value=["cpu", *names])


def _disk() -> Iterator[Check]:
    yield _free("disk of the working folder", Path.cwd())
    root = torchvision_root()
    where = f"set by {ROOT_VARIABLE}" if os.environ.get(ROOT_VARIABLE) else "the default folder"
    there = "there" if root.is_dir() else "not there yet, which only torchvision:NAME needs"
    yield Check("data root", f"{where}, {there}", value={"exists": root.is_dir()})
    if find_spec("fcntl") is None:  # Windows
        yield Check("file locks", "the system has none", "note", "Use --lock file.")


def _free(name: str, folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    words = f"{free / 2**30:.1f} GiB free"
    if free < LITTLE_DISK:
        return Check(name, words, "problem", "Free some space, or work on another disk.", free)
    if not os.access(folder, os.W_OK):
        remedy = "Work in a folder that you may write into, or name one with --out."
        return Check(name, f"{words}, and it may not be written", "note", remedy, free)
    return Check(name, words, value=free)


def _sample() -> Iterator[Check]:
    files = list(sample_folder().glob("*-ubyte*"))
    if files:
        yield Check("bundled digits", "there", value=True)
    else:
        yield Check("bundled digits", "missing", "problem", f"Install again: {AGAIN}", value=False)


def package_version(package: str) -> str | None:
    """Return the version of an installed package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


CHECKS: dict[str, Callable[[], Iterator[Check]]] = {
    "program": _program,
    "packages": _packages,
    "torchvision is whole": _torchvision,
    "cores": _cores,
    "memory": _memory,
    "devices": _devices,
    "disk": _disk,
    "bundled digits": _sample,
}
