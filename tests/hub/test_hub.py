"""Models pushed to, and loaded from, a hub that speaks real HTTP on this machine."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from hub.fake_hub import READER, TOKEN, FakeHub, Repository
from huggingface_hub import constants
from PIL import Image
from sims_models import write_model
from tiny_models import CLASSES, save_tiny_model, save_tiny_pix2pixhd
from typer.testing import CliRunner

from semsynth.bank.memory import MemoryBank
from semsynth.bank.settings import CanvasSettings
from semsynth.checkpoint import CONFIG, Card, load_model
from semsynth.cli.main import app
from semsynth.config import dump_config
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.hub import example_layouts, model_page, push_model
from semsynth.layout import Layout
from semsynth.synthesizer import load

NAME = "somebody/fronts"

# huggingface_hub 2.4 hands its HTTP client files in a way that the client calls old.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub, an empty cache and a token that may write: what HF_ENDPOINT, HF_HOME and HF_TOKEN set."""
    with FakeHub().running() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "fronts")


def changed(folder: Path, to: Path, seed: int) -> Path:
    """The same model with another name: another commit."""
    shutil.copytree(folder, to)
    dump_config(Card(name=f"number {seed}"), to / "card.json")
    return to


def test_what_was_pushed_is_what_is_loaded(hub: FakeHub, folder: Path) -> None:
    address = push_model(folder, NAME)
    assert address.startswith(f"{hub.url}/{NAME}/commit/")
    pushed = hub.repositories[NAME].branches["main"]
    assert {CONFIG, "classes.json", "card.json", "generator.safetensors", "encoder.safetensors"} < set(pushed)
    assert all(pushed[file.name] == file.read_bytes() for file in folder.iterdir())
    layout = draw_facade(3, 32)
    ours, theirs = (np.asarray(load(model, "cpu", "float32")(layout, seed=5)) for model in (folder, NAME))
    assert np.array_equal(ours, theirs)


def test_a_memory_bank_goes_up_only_where_it_is_wanted(hub: FakeHub, scene_bank: MemoryBank, tmp_path: Path) -> None:
    """Neither the bank's place nor that of its photos is uploaded."""
    named = CanvasSettings(bank=str(scene_bank.folder), sha256=scene_bank.checksum)
    model = write_model(tmp_path / "pieces", named)
    layout = Layout(scene_bank.labels(0), scene_bank.classes)
    push_model(model, NAME, [layout])
    pushed = hub.repositories[NAME].branches["main"]
    assert not any(path.startswith("bank/") for path in pushed)
    assert scene_bank.checksum in pushed["README.md"].decode()
    with pytest.raises(SemsynthError, match=r"the memory bank .* is missing"):
        load(NAME, "cpu")
    push_model(model, "somebody/whole", [layout], with_bank=True)
    whole = hub.repositories["somebody/whole"].branches["main"]
    assert not any(str(scene_bank.folder.parent).encode() in data for data in [*pushed.values(), *whole.values()])
    ours, theirs = (np.asarray(load(name, "cpu", "float32")(layout)) for name in (model, "somebody/whole"))
    assert np.array_equal(ours, theirs)


def test_one_commit_holds_everything(hub: FakeHub, folder: Path) -> None:
    push_model(folder, NAME)
    assert len(hub.repositories[NAME].commits) == 1


def test_the_pictures_on_the_page_are_pairs_of_layout_and_photo(hub: FakeHub, folder: Path) -> None:
    push_model(folder, NAME, [draw_facade(seed, 32) for seed in (1, 2)])
    pushed = hub.repositories[NAME].branches["main"]
    page = pushed["README.md"].decode()
    shown = re.findall(r"!\[.*?\]\((.*?)\)", page)
    assert shown == ["examples/example_1.png", "examples/example_2.png"]
    pair = np.asarray(Image.open(io.BytesIO(pushed[shown[1]])))
    assert pair.shape == (32, 32 + 8 + 32, 3)
    assert np.array_equal(pair[:, :32], draw_facade(2, 32).colors())
    assert np.array_equal(pair[:, 40:], np.asarray(load(folder, "cpu", "float32")(draw_facade(2, 32))))


def test_examples_are_layouts_and_files(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    """A layout and its file give the same picture; a file that is not there is one line and nothing is pushed."""
    layout = draw_facade(1, 32)
    layout.save(tmp_path / "maps" / "a.png")
    push_model(folder, NAME, [layout, tmp_path / "maps"])
    one, other = (hub.repositories[NAME].branches["main"][f"examples/example_{number}.png"] for number in (1, 2))
    assert one == other
    with pytest.raises(SemsynthError, match="there is no label map"):
        push_model(folder, "somebody/nothing", [tmp_path / "nothing.png"])
    assert "somebody/nothing" not in hub.repositories


def test_a_revision_is_pinned(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    push_model(changed(folder, tmp_path / "one", 1), NAME)
    first = hub.repositories[NAME].heads["main"]
    push_model(changed(folder, tmp_path / "two", 2), NAME)
    push_model(changed(folder, tmp_path / "three", 3), NAME, revision="wide")
    names = {model: load(model, "cpu").card.name for model in (NAME, f"{NAME}@{first}", f"{NAME}@wide", f"{NAME}@main")}
    assert list(names.values()) == ["number 2", "number 1", "number 3", "number 2"]


def test_a_commit_that_is_there_needs_no_request(hub: FakeHub, folder: Path) -> None:
    push_model(folder, NAME)
    pinned = f"{NAME}@{hub.repositories[NAME].heads['main']}"
    load(pinned, "cpu")
    hub.requests.clear()
    load(pinned, "cpu")
    assert hub.requests == []


def test_offline_loads_what_was_downloaded_and_says_what_was_not(
    hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_model(folder, NAME)
    load(NAME, "cpu")
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert load(NAME, "cpu").card.name == "tiny"
    with pytest.raises(SemsynthError, match=r"no folder 'somebody/else' here.*HF_HUB_OFFLINE is set"):
        load("somebody/else")
    with pytest.raises(SemsynthError, match="HF_HUB_OFFLINE is set: unset it"):
        push_model(folder, NAME)
    assert hub.requests == []


def test_a_hub_that_does_not_answer(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_model(folder, NAME)
    load(NAME, "cpu")
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setattr(constants, "ENDPOINT", nowhere)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere + "/{repo_id}/resolve/{revision}/{filename}")
    assert load(NAME, "cpu").card.name == "tiny"
    with pytest.raises(SemsynthError, match=r"no folder 'somebody/else' here.*check the name and the network"):
        load("somebody/else")
    with pytest.raises(SemsynthError, match="the hub cannot be reached"):
        push_model(folder, NAME)


LISTING = rf"GET /api/models/{NAME}/(revision|tree)/.*"
FILES = rf"HEAD /{NAME}/resolve/.*"
COMMIT = "a" * 40


def listing(*names: object, sha: object = COMMIT) -> bytes:
    return json.dumps({"id": NAME, "sha": sha, "siblings": [{"rfilename": name} for name in names]}).encode()


@pytest.mark.parametrize(
    ("where", "body", "headers"),
    [
        (LISTING, b"<!doctype html><title>Sign in to the network</title>", {"Content-Type": "text/html"}),
        (LISTING, b"", {}),
        (LISTING, b"[" * 100_000, {}),
        (LISTING, b"7", {}),
        (LISTING, b"{}", {}),
        (LISTING, listing(sha="../../../../evil"), {}),
        (LISTING, listing(sha=7), {}),
        (LISTING, listing("../../evil.json"), {}),
        (LISTING, listing("/etc/evil.json"), {}),
        (LISTING, listing("a\\..\\evil.json"), {}),
        (LISTING, listing("a\0.json"), {}),
        (LISTING, listing("n" * 300 + ".json"), {}),
        (LISTING, listing(["x"]), {}),
        (LISTING, b'{"id": "x", "siblings": 7}', {}),
        (rf"(GET|HEAD) /{NAME}/resolve/.*", b"<!doctype html>", {"Content-Type": "text/html"}),
        (FILES, None, {"ETag": '"../../../../evil"'}),
        (FILES, None, {"ETag": "/etc/evil"}),
        (FILES, None, {"ETag": ".."}),
        (FILES, None, {"X-Linked-ETag": "..\\evil"}),
        (FILES, None, {"X-Repo-Commit": "../../evil"}),
    ],
)
def test_a_mirror_that_answers_nonsense_is_one_line_and_writes_nothing_elsewhere(
    hub: FakeHub, folder: Path, tmp_path: Path, where: str, body: bytes | None, headers: dict[str, str]
) -> None:
    hub.repositories[NAME] = Repository()
    hub.repositories[NAME].commit("main", {path.name: path.read_bytes() for path in folder.iterdir()})
    hub.nonsense.append((where, body, headers))
    with pytest.raises(SemsynthError) as caught:
        load(NAME, device="cpu")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


@pytest.mark.parametrize("file", ["generator.safetensors", "classes.json"])
def test_a_wrong_checksum(hub: FakeHub, folder: Path, file: str) -> None:
    push_model(folder, NAME)
    data = bytearray(hub.repositories[NAME].branches["main"][file])
    data[-20] ^= 1
    hub.repositories[NAME].commit("main", {file: bytes(data)})
    with pytest.raises(SemsynthError, match=rf"{NAME}: the checksum of {file} is not the one in config.json"):
        load(NAME)


def test_repositories_that_are_no_models(hub: FakeHub, folder: Path) -> None:
    push_model(folder, NAME)
    hub.repositories["somebody/words"] = Repository()
    hub.repositories["somebody/words"].commit("main", {"README.md": b"---\nlicense: mit\n---\n", "model.py": b"1/0"})
    hub.repositories["somebody/half"] = Repository()
    files = hub.repositories[NAME].branches["main"]
    hub.repositories["somebody/half"].commit("main", {CONFIG: files[CONFIG]})
    with pytest.raises(SemsynthError, match="somebody/words is on the Hugging Face hub but no semsynth model"):
        load("somebody/words")
    with pytest.raises(SemsynthError, match=r"somebody/half lacks generator\.safetensors"):
        load("somebody/half")
    assert not [request for request in hub.requests if request.endswith("model.py")]


def test_names_and_revisions_that_are_not_there(hub: FakeHub, folder: Path) -> None:
    push_model(folder, NAME)
    with pytest.raises(SemsynthError, match=r"no folder 'somebody/else' here.*no such model, or it is private"):
        load("somebody/else")
    with pytest.raises(SemsynthError, match=f"{NAME} has no revision 'v9'"):
        load(f"{NAME}@v9")
    with pytest.raises(SemsynthError, match="there is no model 'a/b/c'"):
        load("a/b/c")


def test_private_and_gated_models(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push_model(folder, NAME, private=True)
    push_model(folder, "somebody/open")
    hub.repositories["somebody/open"].gated = True
    assert hub.repositories[NAME].private
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(SemsynthError, match="or it is private"):
        load(NAME)
    with pytest.raises(SemsynthError, match="somebody/open is gated"):
        load("somebody/open")
    monkeypatch.setenv("HF_TOKEN", READER)
    assert load(NAME, "cpu").card.name == load("somebody/open", "cpu").card.name == "tiny"


def test_who_may_not_push(hub: FakeHub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(SemsynthError, match="needs a token with the right to write"):
        push_model(folder, NAME)
    for token in (READER, "hf_nobody"):
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(SemsynthError, match=r"the hub refuses the token \(40[13]\)"):
            push_model(folder, NAME)
    assert hub.repositories == {}


def test_damaged_models_and_wrong_names_are_not_pushed(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "damaged")
    (tmp_path / "damaged" / "generator.safetensors").write_bytes(b"nothing")
    with pytest.raises(SemsynthError, match="is damaged"):
        push_model(tmp_path / "damaged", NAME)
    for name in ("fronts", "a/b/c", f"{NAME}@main", "some body/fronts", "somebody/-"):
        with pytest.raises(SemsynthError, match=re.escape(name)):
            push_model(folder, name)
    assert hub.repositories == {}


def test_the_page_says_what_the_card_says(folder: Path) -> None:
    model = load_model(folder)
    card = Card(
        name="Fronts <b>",
        data="cmp_facades, train split",
        licence="CC-BY-4.0",
        scores={"val: mIoU | small": 0.25},
        steps=1200,
        images_seen=4800,
        intended_use="Tests.",
    )
    object.__setattr__(model, "card", card)
    page = model_page(model, NAME, ["examples/example_1.png"])
    _, front, text = page.split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert metadata["license"] == "cc-by-4.0"
    assert "license_name" not in metadata
    assert metadata["library_name"] == "semsynth"
    assert metadata["pipeline_tag"] == "image-to-image"
    assert "cmp_facades" in metadata["tags"]
    (result,) = metadata["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "val-miou-small", "name": "val: mIoU | small", "value": 0.25}]
    assert result["dataset"]["name"] == "cmp_facades, train split"
    assert "# Fronts &lt;b>" in text
    assert "| val: mIoU \\| small | 0.25 |" in text
    assert "1,200, 4,800 images seen" in text
    assert f"--model {NAME}" in text
    assert sha256(folder / "generator.safetensors") in text
    assert all(f"| {one.id} | {one.name} |" in text for one in CLASSES.classes)


def test_a_licence_that_is_more_than_a_name_is_other(folder: Path) -> None:
    model = load_model(folder)
    object.__setattr__(model, "card", Card(licence="MIT for the code, the data ask for citation"))
    metadata = yaml.safe_load(model_page(model, NAME).split("---\n")[1])
    assert metadata["license"] == "other"
    assert metadata["license_link"] == "README.md#licence"


def test_layouts_are_drawn_where_a_model_can_read_them(folder: Path, tmp_path: Path) -> None:
    assert [one.size for one in example_layouts(load(folder, "cpu"))] == [(32, 32)] * 4
    needs_instances = load(save_tiny_pix2pixhd(tmp_path / "instances"), "cpu")
    assert example_layouts(needs_instances) == []


def test_the_command_line(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    draw_facade(1, 32).save(tmp_path / "maps" / "a.png")
    pushed = CliRunner().invoke(app, ["push", str(folder), NAME, "--private", "--examples", str(tmp_path / "maps")])
    assert pushed.exit_code == 0, pushed.output
    assert hub.repositories[NAME].private
    out = tmp_path / "photos"
    made = CliRunner().invoke(app, ["synthesize", str(tmp_path / "maps"), "--model", NAME, "--out", str(out)])
    assert made.exit_code == 0, made.output
    assert (out / "a.png").is_file()
    refused = CliRunner().invoke(app, ["push", str(folder), "fronts"])
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "give it as user/name" in refused.stderr


def test_settings_come_from_the_environment(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    """A process of its own reads HF_ENDPOINT, as mirrors and company hubs need it."""
    push_model(folder, NAME, [])
    environment = {
        "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    code = (
        f"import semsynth\nprint(semsynth.load({NAME!r}, 'cpu').card.name)\n"
        "try:\n    semsynth.load('somebody/else')\nexcept Exception as error:\n    print(error)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    name, error = result.stdout.splitlines()
    assert name == "tiny"
    assert "no such model, or it is private" in error
    assert json.loads((next((tmp_path / "home").rglob("config.json"))).read_text())["system"] == "spade"
