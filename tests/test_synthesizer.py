from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_models import CLASSES, Z_DIM, save_tiny_model

import semsynth
from semsynth.checkpoint import load_model
from semsynth.classes import VOID, builtin
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import save_png, to_uint8
from semsynth.layout import Layout, LayoutBatch
from semsynth.layout.label_files import write_layout
from semsynth.synthesizer import DEFAULT_MODEL, Synthesizer, choose_device, choose_dtype, load

LAYOUTS = [draw_facade(seed, 32) for seed in range(5)]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "styles")


@pytest.fixture(scope="session")
def with_styles(folder: Path) -> Synthesizer:
    return load(folder, "cpu", "float32")


@pytest.fixture(scope="session")
def without_styles(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return load(save_tiny_model(tmp_path_factory.mktemp("models") / "plain", styles=False), "cpu", "float32")


def pixels(photo: Image.Image) -> np.ndarray:
    return np.asarray(photo).astype(int)


def test_a_photo_has_the_layouts_size_and_depends_on_it(with_styles: Synthesizer) -> None:
    first, second = (pixels(with_styles(layout)) for layout in LAYOUTS[:2])
    assert first.shape == (32, 32, 3)
    assert np.abs(first - second).mean() > 1


def test_a_seed_is_reproducible_and_zero_by_default(with_styles: Synthesizer, folder: Path) -> None:
    again = load(folder, "cpu", "float32")
    photos = [pixels(with_styles(LAYOUTS[0], seed=seed)) for seed in (0, 1)]
    torch.manual_seed(99)
    assert np.array_equal(pixels(again(LAYOUTS[0])), photos[0])
    assert np.array_equal(pixels(again(LAYOUTS[0], seed=1)), photos[1])
    assert np.abs(photos[0] - photos[1]).mean() > 1


def test_the_vector_of_a_seed_never_changes(with_styles: Synthesizer) -> None:
    """Seeds are written down: a release that draws others would change everybody's photos."""
    vector = with_styles.style(seed=3)
    assert vector is not None
    assert torch.equal(vector, torch.randn(Z_DIM, generator=torch.Generator().manual_seed(3)))


def test_batch_equals_single(with_styles: Synthesizer) -> None:
    batch = LayoutBatch.from_layouts(LAYOUTS, with_styles.config.encoding)
    z = torch.randn(5, Z_DIM)
    together = with_styles.synthesize_tensor(batch, z)
    for i, layout in enumerate(LAYOUTS):
        one = LayoutBatch.from_layouts([layout], with_styles.config.encoding)
        torch.testing.assert_close(with_styles.synthesize_tensor(one, z[i : i + 1])[0], together[i], rtol=0, atol=1e-5)


def test_a_batch_keeps_the_order_whatever_the_sizes(without_styles: Synthesizer) -> None:
    sizes = [(32, 64), (64, 32), (32, 64), (32, 32), (64, 32)]
    layouts = [layout.resized(size) for layout, size in zip(LAYOUTS, sizes, strict=True)]
    photos = without_styles.synthesize_batch(layouts, batch_size=2)
    for layout, photo in zip(layouts, photos, strict=True):
        assert np.abs(pixels(photo) - pixels(without_styles(layout))).max() <= 1


def test_object_level_is_the_tensor_level_in_eight_bits(with_styles: Synthesizer) -> None:
    batch = LayoutBatch.from_layouts(LAYOUTS[:1], with_styles.config.encoding)
    vector = with_styles.style(seed=5)
    assert vector is not None
    images = with_styles.synthesize_tensor(batch, vector[None])
    assert images.dtype == torch.float32
    assert np.array_equal(to_uint8(images)[0], pixels(with_styles(LAYOUTS[0], seed=5)))


def test_folding_changes_nothing_but_rounding(with_styles: Synthesizer, folder: Path) -> None:
    batch = LayoutBatch.from_layouts(LAYOUTS, with_styles.config.encoding)
    z = torch.randn(5, Z_DIM)
    with torch.no_grad():
        expected = load_model(folder).networks["generator"](batch, z)
    torch.testing.assert_close(with_styles.synthesize_tensor(batch, z), expected, rtol=0, atol=1e-4)


def test_loading_and_folding_leave_the_files_alone(folder: Path) -> None:
    def digest() -> str:
        return hashlib.sha256((folder / "generator.safetensors").read_bytes()).hexdigest()

    before = digest()
    load(folder, "cpu", "bfloat16")(LAYOUTS[0])
    assert digest() == before


def test_bfloat16_stays_near_float32(with_styles: Synthesizer, folder: Path) -> None:
    half = load(folder, "cpu", "bfloat16")
    assert half.dtype == torch.bfloat16
    for layout in LAYOUTS:
        difference = np.abs(pixels(half(layout)) - pixels(with_styles(layout)))
        assert difference.mean() < 1


def test_every_kind_of_source_means_the_same(with_styles: Synthesizer, tmp_path: Path) -> None:
    layout = Layout(np.where(LAYOUTS[0].labels == 1, np.uint16(VOID), LAYOUTS[0].labels), CLASSES)
    write_layout(tmp_path / "ids.png", layout)
    save_png(tmp_path / "ids16.png", layout.labels)
    ids = np.where(layout.labels == VOID, 255, layout.labels).astype(np.uint8)
    sources = [
        tmp_path / "ids.png",
        str(tmp_path / "ids16.png"),
        ids,
        layout.labels,
        layout.labels.astype(np.int64),
        layout.colors(),
        Image.fromarray(ids),
        Image.fromarray(layout.colors()),
        Image.fromarray(layout.labels),
    ]
    for source in sources:
        assert np.array_equal(with_styles.conditions.open_layout(source).labels, layout.labels)


@pytest.mark.parametrize(
    "source",
    [
        np.full((4, 4), 77, np.uint8),
        np.full((4, 4), 0.5),
        np.full((4, 4), -1),
        np.full((4, 4), 70000),
        np.zeros((0, 4), np.uint8),
        np.zeros((4,), np.uint8),
        np.full((4, 4, 3), 9, np.uint8),
        np.zeros((4, 4, 4), np.float32),
        Image.new("CMYK", (4, 4)),
        Image.new("F", (4, 4)),
        Image.new("RGB", (4, 4), (1, 2, 3)),
    ],
)
def test_unusable_pixels_are_refused_in_one_line(with_styles: Synthesizer, source: object) -> None:
    with pytest.raises(SemsynthError, match=r"^[^\n]+$"):
        with_styles(source)  # type: ignore[arg-type]


def test_a_layout_of_other_classes_is_refused(with_styles: Synthesizer) -> None:
    other = Layout(np.zeros((32, 32), np.uint16), builtin("camvid"))
    with pytest.raises(SemsynthError, match="'camvid', the model of 'cmp_facades', whose"):
        with_styles(other)


def test_a_photo_gives_its_style_every_time(with_styles: Synthesizer, tmp_path: Path) -> None:
    red, blue = (np.full((40, 30, 3), color, np.uint8) for color in ((220, 60, 30), (10, 60, 240)))
    save_png(tmp_path / "red.png", red)
    styles = [with_styles.style(style) for style in (tmp_path / "red.png", Image.fromarray(red), Image.fromarray(blue))]
    assert all(style is not None and style.shape == (Z_DIM,) for style in styles)
    assert torch.equal(styles[0], styles[1])  # type: ignore[arg-type]
    assert not torch.equal(styles[0], styles[2])  # type: ignore[arg-type]
    photo = with_styles(LAYOUTS[0], style=tmp_path / "red.png")
    assert np.array_equal(pixels(photo), pixels(with_styles(LAYOUTS[0], style=styles[0])))


def test_styles_that_a_model_cannot_take_are_refused(
    with_styles: Synthesizer, without_styles: Synthesizer, tmp_path: Path
) -> None:
    photo = Image.new("RGB", (8, 8))
    with pytest.raises(SemsynthError, match="not both"):
        with_styles(LAYOUTS[0], style=photo, seed=1)
    with pytest.raises(SemsynthError, match="shape"):
        with_styles(LAYOUTS[0], style=torch.zeros(3))
    with pytest.raises(SemsynthError, match="seed"):
        with_styles(LAYOUTS[0], seed=-1)
    for arguments in ({"seed": 0}, {"style": photo}):
        with pytest.raises(SemsynthError, match="one photo of a layout"):
            without_styles(LAYOUTS[0], **arguments)  # type: ignore[arg-type]
    blind = load(save_tiny_model(tmp_path / "blind", encoder=False), "cpu")
    with pytest.raises(SemsynthError, match="no encoder"):
        blind(LAYOUTS[0], style=photo)
    with pytest.raises(SemsynthError, match="2 layouts and 1 seeds"):
        with_styles.synthesize_batch(LAYOUTS[:2], seeds=[1])


def test_sizes_from_noise(with_styles: Synthesizer) -> None:
    large = LAYOUTS[0].resized((48, 40))
    with pytest.warns(UserWarning, match="40x48, which this model cannot make: resized to 32x32"):
        assert with_styles(large).size == (32, 32)
    with pytest.raises(SemsynthError, match="the map is 40x48, which this model cannot make; nearest: 32x32"):
        with_styles.conditions.fit(large, strict=True, source="the map")
    with pytest.raises(SemsynthError, match="a photo of 96x64, which this model cannot make; nearest: 32x32"):
        with_styles(large, size=(64, 96))
    assert with_styles(large, size=(32, 32)).size == (32, 32)


def test_sizes_from_layouts(without_styles: Synthesizer) -> None:
    layout = LAYOUTS[0].resized((70, 100))
    with pytest.warns(UserWarning, match="resized to 96x64"):
        assert without_styles(layout).size == (96, 64)
    with pytest.raises(SemsynthError, match="nearest: 96x64 or 128x96"):
        without_styles.conditions.fit(layout, strict=True)
    assert without_styles(layout, size=(64, 128)).size == (128, 64)
    with pytest.warns(UserWarning, match="1x1"):
        assert without_styles(LAYOUTS[0].resized((1, 1))).size == (32, 32)
    with pytest.raises(SemsynthError, match="20000x20000 has more than"):
        without_styles(layout, size=(20000, 20000))


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_nearest_size_is_the_nearest(without_styles: Synthesizer, height: int, width: int) -> None:
    near = without_styles.conditions.nearest_sizes((height, width))
    for size in near:
        assert all(side % 32 == 0 and side > 0 for side in size)
    for side, best in zip((height, width), near[0], strict=True):
        assert abs(best - side) == min(abs(32 * k - side) for k in range(1, 20))
    assert ((height, width) in near) == (height % 32 == 0 and width % 32 == 0)


def test_instances_where_the_model_reads_them(tmp_path: Path) -> None:
    synthesizer = load(save_tiny_model(tmp_path / "edges", edges=True), "cpu", "float32")
    assert synthesizer.needs_instances
    with pytest.raises(SemsynthError, match="instance map"):
        synthesizer(LAYOUTS[0])
    halves = np.zeros((32, 32), np.int32)
    halves[:, 16:] = 1
    photos = [pixels(synthesizer(Layout(LAYOUTS[0].labels, CLASSES, instances))) for instances in (halves, halves * 0)]
    assert np.abs(photos[0] - photos[1]).max() > 1


def test_threads_share_a_synthesizer(with_styles: Synthesizer) -> None:
    expected = [pixels(with_styles(LAYOUTS[0], seed=seed)) for seed in range(8)]
    made: dict[int, np.ndarray] = {}

    def make(seed: int) -> None:
        made[seed] = pixels(with_styles(LAYOUTS[0], seed=seed))

    threads = [threading.Thread(target=make, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(made[seed], expected[seed]) for seed in range(8))


def test_a_run_folder_stands_for_its_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").symlink_to(folder)
    photo = load(tmp_path / "run", "cpu", "float32")(LAYOUTS[0])
    assert np.array_equal(pixels(photo), pixels(load(str(folder), "cpu", "float32")(LAYOUTS[0])))


def test_a_bundled_model_is_found_by_its_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / DEFAULT_MODEL).symlink_to(folder)
    (tmp_path / DEFAULT_MODEL).mkdir()
    monkeypatch.setattr("semsynth.checkpoint.finding.BUNDLED", tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    assert load(device="cpu").card.name == "tiny"
    with pytest.raises(SemsynthError, match="neither a model folder"):
        load(f"./{DEFAULT_MODEL}")
    with pytest.raises(SemsynthError, match=f"a bundled one \\({DEFAULT_MODEL}\\)"):
        load("nowhere")


def test_models_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"no model 'nowhere'.*Hugging Face id"):
        load("nowhere")
    with pytest.raises(SemsynthError, match="neither a model folder"):
        load(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(SemsynthError, match="there is no model"):
        load(tmp_path / "file")


def test_a_hub_model_without_a_network(tmp_path: Path) -> None:
    """In a process of its own: the library reads its settings once."""
    code = (
        "import semsynth\n"
        "from semsynth.errors import SemsynthError\n"
        "try:\n    semsynth.load('nobody/nothing')\n"
        "except SemsynthError as error:\n    print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "no folder 'nobody/nothing' here" in result.stdout
    assert result.stdout.count("\n") == 1


def test_a_hub_model_that_was_downloaded_before(folder: Path, tmp_path: Path) -> None:
    """The hub's cache, laid out by hand, answers without a network."""
    repository = tmp_path / "hub" / "models--nobody--facades"
    snapshot = repository / "snapshots" / "0123456789012345678901234567890123456789"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(folder)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot.name)
    code = "import semsynth\nprint(semsynth.load('nobody/facades', 'cpu').card.name)"
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert result.stdout == "tiny\n"


def test_devices_and_precisions() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(SemsynthError, match="'abacus'"):
        choose_device("abacus")
    if not torch.cuda.is_available():
        with pytest.raises(SemsynthError, match="'cuda'"):
            choose_device("cuda")
    assert choose_dtype("float32", torch.device("cpu")) == torch.float32
    assert choose_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert choose_dtype("auto", torch.device("mps")) == torch.float32


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, semsynth\nassert 'torch' not in sys.modules\nsemsynth.load, semsynth.Layout, semsynth.ClassSet"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nonsense"):
        semsynth.nonsense  # noqa: B018
