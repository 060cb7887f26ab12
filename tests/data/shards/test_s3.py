"""Shards in a bucket of S3: s3fs against moto's server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

import boto3
import s3fs
from moto.server import ThreadedMotoServer

from semsynth.data.folder import DatasetFolder
from semsynth.data.shards import remote
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.source import open_source
from semsynth.data.toy import write_toy
from semsynth.errors import SemsynthError


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 8, size=24)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    one = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    one.start()
    host, port = one.get_host_and_port()
    yield f"http://{host}:{port}"
    one.stop()


@pytest.fixture
def bucket(server: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket that holds shards under ``sets/toy``; libraries find it by their own variables."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SEMSYNTH_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0, 0.0))
    shard_folder(toy, tmp_path / "shards", 9000)
    name = tmp_path.name.replace("_", "-")
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    for path in (tmp_path / "shards").iterdir():
        client.put_object(Bucket=name, Key=f"sets/toy/{path.name}", Body=path.read_bytes())
    client.close()
    s3fs.S3FileSystem.clear_instance_cache()
    yield name
    s3fs.S3FileSystem.clear_instance_cache()


def test_samples_are_those_of_the_folder(bucket: str, toy: Path) -> None:
    source = open_source(f"s3://{bucket}/sets/toy/")
    for split in ("train", "val"):
        folder, streamed = DatasetFolder(toy, split, instances=True), source.open(split, instances=True)
        assert len(streamed) == len(folder)
        for index in range(len(folder)):
            one, other = streamed[index], folder[index]
            assert one.name == other.name
            np.testing.assert_array_equal(one.layout.labels, other.layout.labels)
            np.testing.assert_array_equal(one.layout.instances, other.layout.instances)  # type: ignore[arg-type]
            np.testing.assert_array_equal(one.image, other.image)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["sets/toy", "sets/nothing"])
def test_a_missing_key_is_one_line(bucket: str, prefix: str) -> None:
    """Of a shard, and of the index; another attempt would not mend it."""
    client = boto3.client("s3")
    client.delete_object(Bucket=bucket, Key="sets/toy/train-000000.tar")
    client.close()
    with pytest.raises(SemsynthError) as error:
        open_source(f"s3://{bucket}/{prefix}").open("train")[0]
    missing = "train-000000.tar" if prefix == "sets/toy" else "index.json"
    address = f"s3://{bucket}/{prefix}/{missing}"
    assert str(error.value) == f"cannot read {address}: there is no such file; check address and network"


def test_a_missing_bucket_is_one_line(bucket: str) -> None:
    with pytest.raises(SemsynthError, match=r"cannot read s3://nowhere-at-all/index\.json: ") as error:
        open_source("s3://nowhere-at-all")
    assert "\n" not in str(error.value)


def test_missing_credentials_are_one_line_at_once(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(SemsynthError) as error:
        open_source(f"s3://{bucket}/sets/toy")
    address = f"s3://{bucket}/sets/toy/index.json"
    assert str(error.value) == f"cannot read {address}: Unable to locate credentials; check address and network"
