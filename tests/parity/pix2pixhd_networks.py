"""pix2pixHD's networks against the official ones."""

from __future__ import annotations

import numpy as np
import torch
from parity.golden import DTYPE, Case
from torch import Tensor, nn

from semsynth.classes import ClassInfo, ClassSet
from semsynth.convert.official import COUNTER
from semsynth.convert.pix2pixhd import load_official_state, official_names
from semsynth.convert.pix2pixhd_options import (
    OfficialOptions,
    discriminator_config,
    encoder_config,
    generator_config,
    layout_encoding,
    parse_options,
)
from semsynth.layout import Layout, LayoutBatch
from semsynth.layout_ops.objects import ObjectMap, spread
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.pix2pixhd import Pix2PixHDGenerator
from semsynth.styles.bank import StyleBank
from semsynth.styles.objects import LARGE, ObjectVectors, cluster, encode_objects

COUNTER_REASON = "a counter of batches that nothing reads"


def case_options(case: Case) -> OfficialOptions:
    """The case's options; ``input_nc`` beside them counts the channels that feature maps add."""
    options = parse_options(case.opt, case.name)
    if "feat_map" in case and not options.has_features:
        options = options.model_copy(update={"load_features": True})
    return options


def case_condition(case: Case) -> LayoutBatch | Tensor:
    """The layouts of a case, the way users' label maps go; an image where the case has no labels."""
    options = case_options(case)
    encoding = layout_encoding(options)
    instances = case.stored("instance")[:, 0].int().numpy() if "instance" in case else None
    if options.label_nc == 0:
        case.used.update({"label", "edges"} & case.tensors)
        return case.input("input_label")
    count = encoding.num_classes
    classes = ClassSet(
        name="golden", classes=tuple(ClassInfo(id=i, name=str(i), color=(i, 0, 0)) for i in range(count))
    )
    labels = case.stored("label")[:, 0].numpy().astype(np.uint16)
    layouts = [Layout(one, classes, None if instances is None else instances[i]) for i, one in enumerate(labels)]
    layout = LayoutBatch.from_layouts(layouts, encoding)
    one_hot = layout.full.one_hot()
    if "input_label" in case:
        case.require_equal("input_label", one_hot)
    if encoding.edges and "edges" in case:
        case.require_equal("edges", one_hot[:, -1:])
    elif "edges" in case:
        case.not_applicable("the case's network reads no boundaries", "edges")
    return layout


def load_state(case: Case, network: nn.Module, prefix: str) -> None:
    """Load the official state under ``prefix`` into ``network``."""
    report = load_official_state(network, case.state(prefix), case.name, features=_returns_features(case))
    assert not report.unused


def compare_state(case: Case, network: nn.Module, prefix: str) -> None:
    """Compare a network's state with the official one under ``prefix``."""
    names = official_names(network, features=_returns_features(case))
    ours = {official: name for name, official in names.items()}
    state = network.state_dict()
    for official in case.under(prefix):
        if official.endswith(COUNTER):
            case.not_applicable(COUNTER_REASON, prefix + official)
        else:
            case.compare(prefix + official, state[ours[official]])


def _returns_features(case: Case) -> bool:
    return bool(case.about.get("getIntermFeat", not case.opt.get("no_ganFeat_loss", False)))


def check_generator(case: Case) -> None:
    options = case_options(case)
    generator = Pix2PixHDGenerator(generator_config(options)).to(DTYPE).eval()
    load_state(case, generator, "state.")
    condition = case_condition(case)
    assert case.section("input_nc") == generator.config.condition_channels + generator.config.features
    features = case.input("feat_map") if "feat_map" in case else None
    kept: dict[str, Tensor] = {}
    generator.coarse.register_forward_hook(lambda module, inputs, output: kept.update(coarse=output))
    with torch.no_grad():
        case.compare("out", generator(condition, features))
        case.compare("act.model_last", kept["coarse"])
        if isinstance(condition, LayoutBatch):  # the dense way
            case.compare("out (dense)", generator(condition.full.one_hot(DTYPE), features))


def check_discriminator(case: Case) -> None:
    discriminator = MultiScaleDiscriminator(discriminator_config(case_options(case))).to(DTYPE).eval()
    load_state(case, discriminator, "state.")
    condition = case_condition(case)
    assert case.section("input_nc") == discriminator.config.condition_channels + 3
    with torch.no_grad():
        outputs = discriminator(condition, case.input("image"))
    case.section("getIntermFeat")
    if not _returns_features(case):
        outputs = [scale[-1:] for scale in outputs]
    if case.opt["no_lsgan"]:  # officially the last layer is a sigmoid, which here is a part of the loss
        outputs = [[*scale[:-1], scale[-1].sigmoid()] for scale in outputs]
    names = {f"{i}.{j}": output for i, scale in enumerate(outputs) for j, output in enumerate(scale)}
    assert set(names) == set(case.under("out."))
    for name, output in names.items():
        case.compare(f"out.{name}", output)


def check_encoder(case: Case) -> None:
    """The encoder, its pooling, and the clustering and sampling of what it finds."""
    encoder = InstanceEncoder(encoder_config(case_options(case))).to(DTYPE).eval()
    load_state(case, encoder, "state.")
    case_condition(case)
    image = case.input("image")
    instances, labels = (case.stored(name)[:, 0] for name in ("instance", "label"))
    objects = ObjectMap.of(instances)
    with torch.no_grad():
        case.compare("feat_map_raw", encoder.pixels(image))
        case.compare("feat_map", encoder(image, objects))
        case.compare("feat_map_label_feat", encoder(image, ObjectMap.of(labels)))
    each = [
        encode_objects(encoder, image[i : i + 1], ObjectMap.of(instances[i : i + 1]), labels[i : i + 1])
        for i in range(len(image))
    ]
    rows = np.column_stack([each[0].vectors, each[0].shares])
    labels_with_rows = case.under("encoded.")
    assert set(labels_with_rows) == {str(label) for label in np.unique(each[0].class_ids)}
    for label in labels_with_rows:
        case.compare(f"encoded.{label}", torch.from_numpy(rows[each[0].class_ids == int(label)]))
    _check_clusters(case, ObjectVectors.joined(each))
    _check_sampling(case, objects)


def _check_clusters(case: Case, found: ObjectVectors) -> None:
    """Centres as sets; officially classes without a large object have none."""
    centres = cluster(found, case.opt["n_clusters"])
    with_large = {str(label) for label in np.unique(found.class_ids[found.shares > LARGE])}
    assert with_large == set(case.under("centers."))
    for label in with_large:
        stored = case.stored(f"centers.{label}").numpy()
        mine = centres[int(label)]
        expected = stored[np.lexsort(stored.T[::-1])]
        case.compare(f"centers.{label}", torch.from_numpy(mine[np.lexsort(mine.T[::-1])]), torch.from_numpy(expected))


def _check_sampling(case: Case, objects: ObjectMap) -> None:
    """One draw per instance id, over the whole batch, with NumPy's old generator."""
    clusters = case.input("clusters_synthetic")  # [classes,k,F]
    bank = StyleBank(dict(enumerate(clusters)), clusters.shape[2])
    random = np.random.RandomState(case.section("numpy_seed_for_sampling"))
    ids = objects.ids.numpy()
    drawn = {number: random.randint(0, clusters.shape[1]) for number in np.unique(ids).tolist()}
    class_ids = np.where(ids < 1000, ids, ids // 1000)
    values = bank.draw(class_ids, np.array([drawn[number] for number in ids.tolist()], np.uint64))
    case.compare("sampled_feat_map", spread(values, objects))
