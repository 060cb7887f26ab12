"""``semsynth data shard``, and ``semsynth data check`` of shards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from semsynth.cli.main import app
from semsynth.config import load_config
from semsynth.data.shards.index import ShardIndex
from semsynth.data.toy import write_toy
from semsynth.files import sha256


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 12, size=24)
    return folder


class TestCommand:
    @staticmethod
    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["data", *map(str, arguments)])
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    @pytest.fixture
    def shards(self, toy: Path, tmp_path: Path) -> Path:
        code, output = self.run("shard", toy, "--out", tmp_path / "shards", "--size", "9kB")
        assert code == 0
        assert "train 9 samples in" in output
        assert "val 3 samples in" in output
        return tmp_path / "shards"

    def test_check_finds_nothing_wrong_and_the_same_as_in_the_folder(self, toy: Path, shards: Path) -> None:
        code, output = self.run("check", shards)
        assert code == 0
        assert output == self.run("check", toy)[1]

    def test_check_names_what_is_wrong(self, shards: Path) -> None:
        truncated, flipped = shards / "train-000000.tar", shards / "train-000001.tar"
        truncated.write_bytes(truncated.read_bytes()[:-100])
        data = bytearray(flipped.read_bytes())
        data[-1] ^= 1
        flipped.write_bytes(data)
        (shards / "val-000000.tar").unlink()
        code, output = self.run("check", shards)
        assert code == 1
        assert f"problem: {truncated} is truncated" in output
        assert f"problem: {flipped}: its checksum is not that of index.json" in output
        assert f"problem: {shards / 'val-000000.tar'} is missing" in output
        assert "3 problems" in output

    def test_only_some_splits(self, toy: Path, tmp_path: Path) -> None:
        assert self.run("shard", toy, "--out", tmp_path / "s", "--splits", "val")[0] == 0
        assert list(json.loads((tmp_path / "s" / "index.json").read_text())["splits"]) == ["val"]
        code, output = self.run("shard", toy, "--out", tmp_path / "t", "--splits", "val,test")
        assert code == 2
        assert "has no split 'test' (found: train, val)" in output

    def test_unfinished_shards_are_no_data(self, shards: Path) -> None:
        (shards / "index.json").rename(shards / ".index.partial.json")
        code, output = self.run("check", shards)
        assert code == 2
        assert "not complete: start the command that writes them again" in output

    @pytest.mark.parametrize("damage", ["{}", '{"format": 2, "classes": null, "splits": {}}', "nonsense"])
    def test_a_damaged_index_is_named(self, shards: Path, damage: str) -> None:
        (shards / "index.json").write_text(damage)
        code, output = self.run("check", shards)
        assert code == 2
        assert str(shards / "index.json") in output

    def test_checksums_of_the_index_are_those_of_sha256sum(self, shards: Path) -> None:
        index = load_config(ShardIndex, shards / "index.json")
        assert all(
            sha256(shards / shard.file) == shard.sha256 for split in index.splits.values() for shard in split.shards
        )
