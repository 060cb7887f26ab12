"""A model folder as a repository of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.bank.index import INDEX
from semsynth.bank.settings import FOLDER
from semsynth.checkpoint import (
    CARD,
    CLASSES,
    CONFIG,
    HUB_ID,
    LoadedModel,
    SIMSModel,
    find_model,
    load_model,
    weight_files,
)
from semsynth.data.grammars import grammar_of
from semsynth.errors import SemsynthError
from semsynth.hub.card import model_page
from semsynth.images import encode_png
from semsynth.layout import Condition, Layout
from semsynth.styles.bank import STYLES
from semsynth.synthesizer import Synthesizer, choose_device
from semsynth.synthesizer.map_files import list_maps

PAIRS = 4
"""Pairs of layout and photo on a model's page."""
GAP = 8
"""White columns between layout and photo."""
DEFAULT_BRANCH = "main"


def push_model(
    model: str | Path,
    repository: str,
    examples: Sequence[Condition | str | Path] | None = None,
    *,
    instances: str | Path | None = None,
    with_bank: bool = False,
    private: bool = False,
    revision: str | None = None,
    device: str = "cpu",
) -> str:
    """Upload a model, its page and pictures of what it makes, as one commit.

    Args:
        model: a bundled model's name, a model or run folder; checked first.
        repository: ``user/name``; made if there is none.
        examples: layouts, label maps or folders of them (pictures for models that read these); the first few are shown
            with their photos. None: drawn ones, where there is a grammar for its class set.
        instances: folder of instance maps of the examples that are files, or the one of a single file.
        with_bank: whether to upload the memory bank that the model uses (SIMS), too: it holds the training photos.
            Otherwise whoever uses the model needs the bank from elsewhere.
        private: whether to create the repository as private.
        revision: the branch; made if there is none; None: the repository's own.
        device: makes the photos.

    Returns:
        The commit's address.

    Raises:
        SemsynthError: a damaged model, a wrong name, no token, no network, or no right to write there.
    """
    name = HUB_ID.fullmatch(repository)
    if name is None or name["revision"]:
        raise SemsynthError(f"'{repository}' is not a repository: give it as user/name, and a branch with `revision`")
    folder = find_model(model)
    loaded = load_model(folder)
    synthesizer = Synthesizer(load_model(folder), choose_device(device))
    files: dict[str, bytes | Path] = {file: (folder / file).read_bytes() for file in _model_files(folder, loaded)}
    files |= _bank_files(loaded, with_bank)
    shown = example_layouts(synthesizer) if examples is None else _opened(synthesizer, examples, instances)
    pairs = _pairs(synthesizer, shown[:PAIRS])
    pictures = {f"examples/example_{number}.png": encode_png(pair) for number, pair in enumerate(pairs, 1)}
    page = model_page(loaded, repository, list(pictures), with_bank=with_bank)
    return _commit({**files, **pictures, "README.md": page.encode()}, repository, private, revision)


def example_layouts(synthesizer: Synthesizer) -> list[Layout]:
    """Drawn layouts that a model can read; none where no grammar draws its class set, or no instances that it needs."""
    grammar = grammar_of(synthesizer.classes)
    if grammar is None:
        return []
    drawn = [grammar.draw(seed, synthesizer.conditions.default_size) for seed in grammar.featured[:PAIRS]]
    return [one for one in drawn if one.instances is not None or not synthesizer.needs_instances]


def _opened(
    synthesizer: Synthesizer, examples: Sequence[Condition | str | Path], instances: str | Path | None
) -> list[Condition]:
    """The conditions among the examples, and those in files, as many as are shown."""
    ready = [one for one in examples if not isinstance(one, str | Path)]
    paths = [Path(one) for one in examples if isinstance(one, str | Path)]
    listed = list_maps(paths, Path(), instances=None if instances is None else Path(instances)) if paths else []
    left = max(0, PAIRS - len(ready))
    return ready + [synthesizer.conditions.open(one.path, one.instances) for one in listed[:left]]


def _model_files(folder: Path, model: LoadedModel) -> list[str]:
    optional = [file for file in (CARD, STYLES) if (folder / file).is_file()]
    return [CONFIG, CLASSES, *weight_files(model.config).values(), *optional]


def _bank_files(model: LoadedModel, with_bank: bool) -> dict[str, bytes | Path]:
    """The configuration without the bank's place on this machine, and the bank where it is wanted."""
    config = model.config
    if not isinstance(config, SIMSModel):
        if with_bank:
            raise SemsynthError("`with_bank`: this model uses no memory bank: leave it out")
        return {}
    named = config.model_copy(update={"memory": config.memory.model_copy(update={"bank": None})})
    files: dict[str, bytes | Path] = {CONFIG: named.model_dump_json(indent=2).encode()}
    if with_bank:
        bank = config.memory.open(model.folder)
        index = bank.index.model_copy(update={"data": Path(bank.index.data).name})
        files[f"{FOLDER}/{INDEX}"] = index.model_dump_json(indent=2).encode()
        files |= {f"{FOLDER}/{one.file}": bank.folder / one.file for one in index.files}
    return files


def _pairs(synthesizer: Synthesizer, examples: Sequence[Condition]) -> Iterator[NDArray[np.uint8]]:
    """[H,2*W+GAP,3] uint8 each: the layout in its colours, and its photo."""
    for given in examples:
        condition, _ = synthesizer.conditions.fit(given)
        photo = synthesizer.synthesize_arrays([condition], [synthesizer.style()])[0][0]
        yield np.concatenate([condition.colors(), np.full_like(photo[:, :GAP], 255), photo], 1)


def _commit(files: Mapping[str, bytes | Path], repository: str, private: bool, revision: str | None) -> str:
    from huggingface_hub import CommitOperationAdd, HfApi, get_token

    if get_token() is None:
        raise SemsynthError(
            "pushing a model needs a token with the right to write: log in with 'hf auth login' or HF_TOKEN"
        )
    api = HfApi(library_name="semsynth")
    with _explained(repository):
        api.create_repo(repository, private=private, exist_ok=True)
        if revision not in (None, DEFAULT_BRANCH):
            assert revision is not None
            api.create_branch(repository, branch=revision, exist_ok=True)
        operations = [CommitOperationAdd(path_in_repo=path, path_or_fileobj=data) for path, data in files.items()]
        done = api.create_commit(repository, operations, commit_message="A model of semsynth", revision=revision)
        return str(done.commit_url)


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turn what the hub's library raises into one line."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise SemsynthError(f"cannot push to {repository}: HF_HUB_OFFLINE is set: unset it") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise SemsynthError(
                f"cannot push to {repository}: the hub refuses the token ({status}): log in with 'hf auth login' as "
                "somebody who may write there"
            ) from error
        raise SemsynthError(f"cannot push to {repository}: the hub answers {status}: {_line(error)}") from error
    except (HFValidationError, ValueError) as error:
        raise SemsynthError(f"cannot push to {repository}: {_line(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise SemsynthError(
            f"cannot push to {repository}: what the hub answers is no hub's ({type(error).__name__}): check HF_ENDPOINT"
        ) from error
    except (HTTPError, OSError, RuntimeError) as error:
        raise SemsynthError(
            f"cannot push to {repository}: the hub cannot be reached ({_line(error)}): check the network"
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())[:200]
