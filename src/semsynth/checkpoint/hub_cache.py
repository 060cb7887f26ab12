"""Models of the Hugging Face hub, kept in its cache."""

from __future__ import annotations

from pathlib import Path

from semsynth.checkpoint.folder import CLASSES, CONFIG, read_config, weight_files
from semsynth.checkpoint.hub_traffic import checked_answers
from semsynth.errors import SemsynthError
from semsynth.files import sha256

PATTERNS = ["*.json", "*.safetensors"]
"""What a model folder holds; nothing else is downloaded, so that a repository cannot bring code along."""


def download_model(repository: str, revision: str | None = None) -> Path:
    """The model folder of a repository, downloaded unless it has been before.

    Without a network, and with ``HF_HUB_OFFLINE=1``, what was downloaded before is used.

    Args:
        repository: ``user/name``.
        revision: a branch, a tag or a commit; None: the newest.

    Raises:
        SemsynthError: no such repository or revision, no network, no access, or files that are not those whose
            checksums the configuration names.
    """
    from httpx2 import HTTPError  # what huggingface_hub speaks through
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = repository if revision is None else f"{repository}@{revision}"
    try:
        with checked_answers():
            folder = Path(snapshot_download(repository, revision=revision, allow_patterns=PATTERNS))
    except SemsynthError:
        raise
    except RevisionNotFoundError as error:
        raise SemsynthError(f"{repository} has no revision '{revision}': give a branch, a tag or a commit") from error
    except GatedRepoError as error:
        raise SemsynthError(f"{name} is gated: accept its terms on its page, then log in with HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise SemsynthError(
            f"there is no folder '{name}' here, and on the Hugging Face hub no such model, or it is private: check the "
            "name, or log in with 'hf auth login' or HF_TOKEN"
        ) from error
    except (HfHubHTTPError, HFValidationError, HTTPError, OSError) as error:
        reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else " ".join(str(error).split())[:200]
        raise SemsynthError(
            f"there is no folder '{name}' here, and no such model came from the Hugging Face hub ({reason}): "
            "check the name and the network, or download it elsewhere and give the folder"
        ) from error
    except Exception as error:  # the library trusts answers to be those of a hub
        raise SemsynthError(
            f"{name}: what {constants.ENDPOINT} answers is no hub's ({type(error).__name__}): check HF_ENDPOINT and "
            "the network, or download the model elsewhere and give the folder"
        ) from error
    _check(folder, name)
    return folder


def _check(folder: Path, name: str) -> None:
    """Make sure that the files are those that the configuration was written with."""
    if not (folder / CONFIG).is_file():
        raise SemsynthError(f"{name} is on the Hugging Face hub but no semsynth model: it has no {CONFIG}")
    config = read_config(folder)
    for file in (*weight_files(config).values(), CLASSES):
        path = folder / file
        if not path.is_file():
            raise SemsynthError(f"{name} lacks {file}: tell its author, or give another revision as user/name@revision")
        if sha256(path) != config.sha256.get(file):
            raise SemsynthError(
                f"{name}: the checksum of {file} is not the one in {CONFIG}: remove {folder.parent.parent} to download "
                "it again, and if it stays so, tell its author"
            )
