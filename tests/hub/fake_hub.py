"""A hub on this machine: the routes that ``huggingface_hub`` calls for models, over real HTTP, with real checksums.

Written after the requests of huggingface_hub 2.4 (``hf_api.py``, ``_commit_api.py``, ``lfs.py``, ``file_download.py``).
Large files go the LFS way, as the transfer that is the default today (xet) speaks to another server.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_writer"
READER = "hf_reader"


@dataclass
class Repository:
    private: bool = False
    gated: bool = False
    branches: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"main": {}})
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes]) -> str:
        """Add files to a branch: the commit's id depends on all that it holds."""
        tree = {**self.branches[branch], **files}
        digest = hashlib.sha1(
            repr(sorted((path, hashlib.sha256(data).digest()) for path, data in tree.items())).encode()
        )
        self.branches[branch] = self.commits[digest.hexdigest()] = tree
        self.heads[branch] = digest.hexdigest()
        return digest.hexdigest()


class FakeHub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        """METHOD PATH of all requests."""
        self.nonsense: list[tuple[str, bytes | None, dict[str, str]]] = []
        """A pattern of METHOD PATH, the body that is answered instead (None: the right one), and more headers."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[FakeHub]:
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self) -> None:
        self.body = self._read_body()
        self.path_only = unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {self.path_only}")
        for pattern, route in _ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {self.path_only}"):
                route(self, **found.groupdict())
                return
        self._send(404, {"error": f"no route {self.command} {self.path_only}"})

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while length := int(self.rfile.readline(), 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_HEAD = _answer  # noqa: N815

    def _send(self, status: int, value: object = None, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        for pattern, body, more in self.server.nonsense:
            if re.fullmatch(pattern, f"{self.command} {self.path_only}"):
                data, headers = data if body is None else body, {**(headers or {}), **more}
        self.send_response(status)
        for name, text in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _fail(self, status: int, code: str) -> None:
        self._send(status, {"error": code}, {"X-Error-Code": code, "X-Error-Message": code})

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _may_write(self) -> bool:
        if self._token() == TOKEN:
            return True
        self._send(403 if self._token() == READER else 401, {"error": "no right to write"})
        return False

    def _readable(self, repository: str) -> Repository | None:
        found = self.server.repositories.get(repository)
        if found is None or (found.private and self._token() not in (TOKEN, READER)):
            self._fail(401 if not self._token() else 404, "RepoNotFound")
            return None
        if found.gated and not self._token():
            self._fail(401, "GatedRepo")
            return None
        return found

    def _tree(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        found = self._readable(repository)
        if found is None:
            return None
        commit = found.heads.get(revision, revision)
        if commit not in found.commits:
            self._fail(404, "RevisionNotFound")
            return None
        return commit, found.commits[commit]

    def create(self) -> None:
        if not self._may_write():
            return
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        exists = name in self.server.repositories
        if not exists:
            private = asked.get("visibility") == "private" or asked.get("private") is True
            self.server.repositories[name] = Repository(private=private)
        self._send(409 if exists else 200, {"url": f"{self.server.url}/{name}"})

    def validate(self) -> None:
        front = json.loads(self.body)["content"].split("---")[1]
        errors = [] if "license:" in front else [{"message": "a licence is missing"}]
        self._send(400 if errors else 200, {"errors": errors, "warnings": []})

    def branch(self, repository: str, revision: str) -> None:
        found = self.server.repositories[repository]
        exists = revision in found.branches
        found.branches.setdefault(revision, {})
        self._send(409 if exists else 200, {})

    def preupload(self, repository: str, revision: str) -> None:
        if repository not in self.server.repositories:
            self._fail(404, "RepoNotFound")
            return
        files = [
            {
                "path": one["path"],
                "uploadMode": "lfs" if one["path"].endswith((".safetensors", ".png")) else "regular",
                "shouldIgnore": False,
            }
            for one in json.loads(self.body)["files"]
        ]
        self._send(200, {"files": files})

    def batch(self, repository: str) -> None:
        objects = []
        for one in json.loads(self.body)["objects"]:
            href = f"{self.server.url}/objects/{one['oid']}"
            actions = {} if one["oid"] in self.server.objects else {"actions": {"upload": {"href": href}}}
            objects.append({"oid": one["oid"], "size": one["size"], **actions})
        self._send(200, {"transfer": "basic", "objects": objects})

    def put(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            self._send(400, {"error": "the content is not what was announced"})
            return
        self.server.objects[oid] = self.body
        self._send(200, {})

    def commit(self, repository: str, revision: str) -> None:
        if not self._may_write():
            return
        files = {}
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
        oid = self.server.repositories[repository].commit(revision, files)
        self._send(200, {"commitUrl": f"{self.server.url}/{repository}/commit/{oid}", "commitOid": oid})

    def info(self, repository: str, revision: str) -> None:
        tree = self._tree(repository, revision)
        if tree is not None:
            siblings = [{"rfilename": path} for path in tree[1]]
            self._send(200, {"_id": "1", "id": repository, "modelId": repository, "sha": tree[0], "siblings": siblings})

    def tree(self, repository: str, revision: str) -> None:
        tree = self._tree(repository, revision)
        if tree is not None:
            self._send(200, [_entry(path, data) for path, data in tree[1].items()])

    def resolve(self, repository: str, revision: str, path: str) -> None:
        tree = self._tree(repository, revision)
        if tree is None:
            return
        if path not in tree[1]:
            self._fail(404, "EntryNotFound")
            return
        headers = {"X-Repo-Commit": tree[0], "ETag": f'"{hashlib.sha256(tree[1][path]).hexdigest()}"'}
        self._send(200, tree[1][path], headers)


def _entry(path: str, data: bytes) -> dict[str, object]:
    oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": oid}
    if path.endswith((".safetensors", ".png")):
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return entry


_NAME = r"(?P<repository>[\w.-]+/[\w.-]+)"
_ROUTES = (
    (r"POST /api/repos/create", _Handler.create),
    (r"POST /api/validate-yaml", _Handler.validate),
    (rf"POST /api/models/{_NAME}/branch/(?P<revision>[\w.-]+)", _Handler.branch),
    (rf"POST /api/models/{_NAME}/preupload/(?P<revision>[\w.-]+)", _Handler.preupload),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"PUT /objects/(?P<oid>\w+)", _Handler.put),
    (rf"POST /api/models/{_NAME}/commit/(?P<revision>[\w.-]+)", _Handler.commit),
    (rf"GET /api/models/{_NAME}/revision/(?P<revision>[\w.-]+)", _Handler.info),
    (rf"GET /api/models/{_NAME}/tree/(?P<revision>[\w.-]+)", _Handler.tree),
    (rf"(GET|HEAD) /{_NAME}/resolve/(?P<revision>[\w.-]+)/(?P<path>.+)", _Handler.resolve),
)
