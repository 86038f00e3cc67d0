"""A dataset repository of the Hugging Face hub on this machine: as much as its client asks for.

The real client talks to it over HTTP, so that what is sent and what comes back is as on the hub.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "a" * 40


class HubServer(ThreadingHTTPServer):
    """Repositories in memory; the connection breaks once ``breaks_after`` commits were made."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.large: dict[str, bytes] = {}
        self.commits: list[list[str]] = []
        self.breaks_after = -1
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving() -> Iterator[HubServer]:
    """Serve until the end of the block."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Answers(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def _answer(self, answered: Any) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = self._chunks()
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        answered(path, data)

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _send(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _missing(self) -> None:
        self._send(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")

    def _get(self, path: str, data: bytes) -> None:
        del data
        if path.startswith("/api/datasets/"):
            repo = "/".join(path.split("/")[3:5])
            if repo not in self.server.repositories:
                self._missing()
            elif "/tree/" in path:
                self._send(200, [*map(_entry, sorted(self.server.repositories[repo].items()))])
            else:
                told = {"_id": "1", "id": repo, "private": self.server.private[repo], "sha": COMMIT}
                self._send(200, told)
            return
        if "/resolve/" not in path:
            self._send(404, {"error": path})
            return
        _, _, owner, name, _, _, file = path.split("/", 6)
        found = self.server.repositories[f"{owner}/{name}"][file]
        tag = f'"{hashlib.sha1(found).hexdigest()}"'
        self._send(200, found, ETag=tag, X_Repo_Commit=COMMIT)

    def _post(self, path: str, data: bytes) -> None:
        if path == "/api/repos/create":
            asked = json.loads(data)
            repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
            self.server.repositories[repo] = {".gitattributes": b"*.h5 filter=lfs\n"}
            self.server.private[repo] = (
                asked.get("visibility") == "private" or asked.get("private") is True
            )
            self._send(200, {"url": f"{self.server.url}/datasets/{repo}", "name": repo})
        elif path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []})
        elif "/preupload/" in path:
            files = [
                {"path": each["path"], "uploadMode": _mode(each["path"]), "shouldIgnore": False}
                for each in json.loads(data)["files"]
            ]
            self._send(200, {"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {
                    "oid": each["oid"],
                    "size": each["size"],
                    "actions": {"upload": {"href": f"{self.server.url}/large/{each['oid']}"}},
                }
                for each in json.loads(data)["objects"]
            ]
            self._send(200, {"transfer": "basic", "objects": objects})
        elif "/commit/" in path:
            self._commit("/".join(path.split("/")[3:5]), data)
        else:
            self._send(404, {"error": path})

    def _commit(self, repo: str, data: bytes) -> None:
        if len(self.server.commits) == self.server.breaks_after:
            self.close_connection = True
            self.connection.close()
            return
        held, changed = self.server.repositories[repo], []
        for line in map(json.loads, data.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                held[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                held[value["path"]] = self.server.large[value["oid"]]
            else:
                continue
            changed.append(value["path"])
        self.server.commits.append(changed)
        told = {"commitUrl": f"{self.server.url}/datasets/{repo}/commit/{COMMIT}"}
        self._send(200, {**told, "commitOid": COMMIT})

    def _put(self, path: str, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        if path != f"/large/{digest}":
            self._send(400, {"error": "the content is not what its name says"})
            return
        self.server.large[digest] = data
        self._send(200, {})


def _mode(path: str) -> str:
    return "lfs" if path.endswith((".png", ".parquet")) else "regular"


def _entry(file: tuple[str, bytes]) -> dict[str, Any]:
    path, data = file
    name = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    entry = {"type": "file", "path": path, "size": len(data), "oid": name}
    if _mode(path) == "lfs":
        entry["lfs"] = {
            "oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 127,
        }  # fmt: skip
    return entry
