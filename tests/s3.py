"""A server of S3 on this machine: moto's, over HTTP."""

import contextlib
from collections.abc import Callable, Iterator

import s3fs
from moto.server import ThreadedMotoServer


@contextlib.contextmanager
def s3_server(setenv: Callable[[str, str], None]) -> Iterator[str]:
    """Start a server with an empty bucket "sets"; ``setenv`` lets the environment name it."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",  # where it is gone, do not wait for it
    }.items():
        setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().mkdir("sets")
    try:
        yield f"http://{host}:{port}"
    finally:
        s3fs.S3FileSystem().rm("sets", recursive=True)
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
