"""Shards at an address: downloads, retries, the cache, and an order that reads some shards at a time."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from semsynth.config import load_config
from semsynth.data.folder import DatasetFolder
from semsynth.data.shards import remote
from semsynth.data.shards.index import ShardIndex
from semsynth.data.shards.remote import RemoteStore, StreamedSplit
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError


class Server:
    """A web server whose answers can be made to fail."""

    def __init__(self, root: Path) -> None:
        self.asked: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        """How often a file is still refused."""
        self.garbled: Counter[str] = Counter()
        """How often a file is still sent with wrong bytes."""
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *arguments: object) -> None:
                super().__init__(*arguments, directory=str(root))  # type: ignore[arg-type]

            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                server.asked[name] += 1
                if server.failures[name] > 0:
                    server.failures[name] -= 1
                    self.send_error(503)
                elif server.garbled[name] > 0:
                    server.garbled[name] -= 1
                    size = (root / name).stat().st_size
                    self.send_response(200)
                    self.send_header("Content-Length", str(size))
                    self.end_headers()
                    self.wfile.write(bytes(size))
                else:
                    super().do_GET()

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server(toy_shards: Path) -> Iterator[Server]:
    one = Server(toy_shards)
    yield one
    one.http.shutdown()
    one.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own cache, and no pauses between attempts."""
    monkeypatch.setenv("SEMSYNTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SEMSYNTH_CACHE_SIZE", raising=False)
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0, 0.0))
    return tmp_path / "cache" / "shards"


def opened(address: str, split: str = "train", skip_damaged: bool = False) -> StreamedSplit:
    samples = open_source(address, skip_damaged).open(split, instances=True)
    assert isinstance(samples, StreamedSplit)
    return samples


def archives(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if not path.name.endswith(".lock")}


def test_samples_are_those_of_the_folder_and_are_downloaded_once(toy: Path, server: Server, cache: Path) -> None:
    folder = DatasetFolder(toy, "train", instances=True)
    for _ in range(2):
        split = opened(server.address + "/")
        assert split.names == folder.names
        for index in range(len(folder)):
            one, other = split[index], folder[index]
            assert one.name == other.name
            np.testing.assert_array_equal(one.layout.labels, other.layout.labels)
            np.testing.assert_array_equal(one.image, other.image)  # type: ignore[arg-type]
    assert {count for name, count in server.asked.items() if name != "index.json"} == {1}
    assert not [name for name in archives(cache) if name.endswith(".part")]


def test_other_file_systems_of_fsspec(toy: Path, toy_shards: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(toy_shards) + "/", "/bucket/data/", recursive=True)
    assert opened("memory://bucket/data")[0].name == DatasetFolder(toy, "train").names[0]
    memory.rm("/bucket", recursive=True)


def test_what_fails_is_tried_again(server: Server) -> None:
    server.failures.update({"index.json": 2, "train-000000.tar": 3})
    server.garbled.update({"train-000001.tar": 1})
    split = opened(server.address)
    assert {split[index].name for index in range(len(split))} == set(split.names)
    assert server.asked["index.json"] == 3
    assert server.asked["train-000000.tar"] == 4
    assert server.asked["train-000001.tar"] == 2


def test_what_goes_on_failing_is_one_line(server: Server, cache: Path) -> None:
    split = opened(server.address)
    server.failures["train-000000.tar"] = server.garbled["train-000001.tar"] = 100
    address = f"{server.address}/train-000000.tar"
    with pytest.raises(SemsynthError, match=rf"cannot read {address}: 503.*\(4 attempts\); check address and network"):
        split[0]
    with pytest.raises(
        SemsynthError, match=r"train-000001\.tar: its checksum is not that of index\.json \(4 attempts\)"
    ):
        split[split.blocks[0]]
    assert not [name for name in archives(cache) if not name.endswith(".idx")]
    server.failures.clear()
    assert split[0].name == split.names[0]


def test_a_shard_that_cannot_be_had_is_skipped_on_demand(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.garbled["train-000001.tar"] = 1000
    split = opened(server.address, skip_damaged=True)
    lost = range(split.blocks[0], split.blocks[0] + split.blocks[1])
    names = [split[index].name for index in range(len(split))]
    assert all((names[index] == split.names[index]) == (index not in lost) for index in range(len(split)))
    assert server.asked["train-000001.tar"] == 4
    assert [message for message in caplog.messages if "train-000001.tar" in message and "skipped, with" in message]


@pytest.mark.parametrize("address", ["/nothing", "-nowhere.invalid"])
def test_an_address_without_shards(server: Server, address: str) -> None:
    with pytest.raises(SemsynthError, match="cannot read http") as error:
        open_source(server.address + address)
    assert "\n" not in str(error.value)


def test_nobody_listens(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(
        SemsynthError, match=r"cannot read http.*/index\.json: .*\(4 attempts\); check address and network"
    ):
        open_source(server.address)


def test_a_missing_file_is_not_tried_again(server: Server) -> None:
    with pytest.raises(SemsynthError, match=r"nothing/index\.json: there is no such file; check address"):
        open_source(server.address + "/nothing")
    assert server.asked["index.json"] == 1


def test_unknown_kinds_of_addresses() -> None:
    with pytest.raises(SemsynthError, match=r"cannot read gopher://x/index\.json"):
        open_source("gopher://x")


def test_s3_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(SemsynthError, match=r"^s3://bucket/data/index\.json needs s3fs: pip install 'semsynth\[s3\]'"):
        open_source("s3://bucket/data")


def test_the_cache_keeps_its_size(
    server: Server, toy_shards: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read longest ago goes first, and comes back when it is needed."""
    sizes = [shard.bytes for shard in load_config(ShardIndex, toy_shards / "index.json").splits["train"].shards]
    assert len(sizes) >= 3
    monkeypatch.setattr(remote, "SHUFFLED_TOGETHER", 1)
    monkeypatch.setenv("SEMSYNTH_CACHE_SIZE", str(2 * max(sizes)))
    split = opened(server.address)
    store = split._store
    starts = [0, split.blocks[0], split.blocks[0] + split.blocks[1]]

    def kept() -> list[bool]:
        return [(cache / f"{shard.sha256}.tar").exists() for shard in split._shards[:3]]

    split[starts[0]], split[starts[1]]
    assert kept() == [True, True, False]
    time.sleep(0.02)
    split[starts[0]]
    split[starts[2]]
    assert kept() == [True, False, True]
    assert split[starts[1]].name == split.names[starts[1]]
    assert sum(path.stat().st_size for path in cache.glob("*.tar")) <= store.limit
    assert server.asked["train-000001.tar"] == 2


def test_a_cache_that_is_too_small_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMSYNTH_CACHE_SIZE", "10kB")
    with pytest.raises(SemsynthError, match=r"SEMSYNTH_CACHE_SIZE is .* needed at a time"):
        open_source(server.address)
    monkeypatch.setenv("SEMSYNTH_CACHE_SIZE", "large")
    with pytest.raises(SemsynthError, match="'large' is no size"):
        open_source(server.address)


def test_many_readers_download_once(server: Server) -> None:
    found: list[str] = []

    def read() -> None:
        found.append(opened(server.address)[0].name)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 4
    assert server.asked["train-000000.tar"] == 1


def test_shards_are_downloaded_ahead(server: Server, cache: Path) -> None:
    split = opened(server.address)
    split.ahead(0)
    split.ahead(len(split) - 1)
    deadline = time.monotonic() + 20
    while len(list(cache.glob("*.tar"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    before = dict(server.asked)
    split._store.read(split._shards[0], 0, 10)
    split._store.read(split._shards[-1], 0, 10)
    assert dict(server.asked) == before


def test_parts_of_a_killed_process_go(server: Server, cache: Path) -> None:
    split = opened(server.address)
    digest = split._shards[0].sha256
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f".{digest}.tar.999999.part").write_bytes(b"half")
    split[0]
    assert f".{digest}.tar.999999.part" not in archives(cache)


def test_default_place_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMSYNTH_CACHE")
    assert RemoteStore("https://example.org/x/").cache == Path.home() / ".cache" / "semsynth" / "shards"
    assert RemoteStore("https://example.org/x/").location == "https://example.org/x"
