"""What goes wrong with a Ray cluster, told in words; Ray itself is not loaded here."""

import socket

from augfactory.errors import RecipeError, ResourceError

LOCAL = "local"
INSTALL = "python -m pip install 'augfactory[ray]'"
ANSWER_WITHIN = 10.0  # seconds
# An HTTP/2 client's first words, and the kind of frame that a server answers with.
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
SETTINGS = 4


def check_answers(address: str) -> None:
    """Hold an address to be one at which something like Ray's head answers; Ray waits for minutes.

    Raises:
        RecipeError: it is no address.
        ResourceError: nothing answers, or something else.
    """
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise RecipeError(
            f"--address {address}",
            "is not HOST:PORT, and ray:// is not supported",
            "Run this command on a machine of the cluster, and give the address that "
            "`ray start --head` printed, such as 10.0.0.1:6379, or auto.",
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), ANSWER_WITHIN) as connection:
            connection.settimeout(ANSWER_WITHIN)
            connection.sendall(GREETING)
            answered = connection.recv(9)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise unreachable(address, f"nothing answers there ({reason})") from error
    if len(answered) < 4 or answered[3] != SETTINGS:
        raise unreachable(address, "what answers there is not the head of a Ray cluster")


def unreachable(address: str, why: str) -> ResourceError:
    """Return the error for a cluster that cannot be joined, or not be started where it is local."""
    if "Version mismatch" in why:
        return ResourceError(
            f"--address {address}",
            "the cluster has another version of Ray or of Python than this process: "
            + " ".join(why.partition(":")[2].split()),
            "Install the same versions of both on every machine.",
        )
    first = (why.strip().splitlines() or ["no reason was told"])[0]
    if address == LOCAL:
        return ResourceError(
            "--engine ray", f"Ray cannot be started here: {first}", "Use --engine local."
        )
    return ResourceError(
        f"--address {address}",
        first,
        "Start a cluster with `ray start --head --port=6379`, make this machine one of it with "
        "`ray start --address=HOST:6379`, and see with `ray status` that it runs. "
        "Without --address, one is started here for this command.",
    )


def no_machine(threads: int, gpus: int, seconds: float) -> ResourceError:
    """Return the error where for some seconds no machine could have run a task."""
    needs = "a core" if threads == 1 else f"{threads} cores"
    if gpus:
        needs += " and a graphics device" if gpus == 1 else f" and {gpus} graphics devices"
    return ResourceError(
        "--engine ray",
        f"for {seconds:.0f} seconds no machine of the cluster has had {needs}, which a task needs",
        "See with `ray status` what the cluster has, add a machine with `ray start "
        "--address=HOST:6379`, and run the same command again: finished parts are kept.",
    )


def lost(error: Exception, tries: int) -> ResourceError:
    """Return in words what Ray raised for a task that gave no answer after so many tries."""
    text = " ".join(str(error).split())
    again = "Run the same command again: finished parts are kept."
    if "No module named" in text:
        missing = text.partition("No module named")[2].split()[0].strip("'\".,:")
        return ResourceError(
            "--engine ray",
            f"a machine of the cluster cannot import {missing!r}",
            f"Install the same augfactory there, for the Python that runs `ray start`: {INSTALL}",
        )
    kind = type(error).__name__
    if kind == "OutOfMemoryError":
        return ResourceError(
            "--engine ray",
            "Ray ended a task because the memory of its machine ran out",
            f"Give that machine fewer cores (`ray start --num-cpus=N`). {again}",
        )
    if kind in ("WorkerCrashedError", "NodeDiedError", "LocalRayletDiedError", "ObjectLostError"):
        return ResourceError(
            "--engine ray",
            f"the workers or machines that ran a task were lost {tries} times, most likely "
            "because memory ran out",
            f"See with `ray status` what the cluster has. {again}",
        )
    return ResourceError("--engine ray", f"Ray says {kind}: {text[:300]}", again)
