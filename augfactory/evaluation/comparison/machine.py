"""What an evaluation was computed on, so that its seconds can be read."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows the processor


def machine(device: str, workers: int) -> dict[str, str | int]:
    """Return processor, cores, processes and, where torch computed on one, the graphics device."""
    found: dict[str, str | int] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "processes": workers,
    }
    if device == "cuda":
        import torch

        found["graphics device"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or "unknown"
