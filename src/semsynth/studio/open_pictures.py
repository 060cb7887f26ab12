"""The pictures that clients are painting on, as their models keep them between two strokes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from semsynth.layout import Size
from semsynth.studio.served import ServedModel
from semsynth.synthesizer import OpenPicture

_PICTURES = 64
"""Pictures that are known at most, however little they keep."""

_Key = tuple[str, str, str, Size]


class OpenPictures:
    """The pictures painted on last, up to ``capacity`` bytes. Threads may share it.

    While a picture is being made it is out of reach for others, and not counted: there is one for each model at most.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._pictures: OrderedDict[_Key, OpenPicture] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of all pictures."""
        with self._lock:
            return self._size()

    @contextmanager
    def of(self, model: ServedModel, client: str | None, size: Size) -> Iterator[OpenPicture | None]:
        """A client's picture of (height, width) ``size``, for one photo; None: the photo is made as a whole.

        Who comes while another has it gets a new one. Pictures not used for the longest time go.
        """
        if client is None:
            yield None
            return
        key = model.id, model.hash, client, size
        with self._lock:
            picture = self._pictures.pop(key, None)
        picture = picture or model.synthesizer.open_picture(self._capacity)
        yield picture
        if picture is not None:
            self._put(key, picture)

    def _put(self, key: _Key, picture: OpenPicture) -> None:
        with self._lock:
            self._pictures[key] = picture
            self._pictures.move_to_end(key)
            while self._size() > self._capacity or len(self._pictures) > _PICTURES:
                self._pictures.popitem(last=False)

    def _size(self) -> int:
        return sum(picture.nbytes for picture in self._pictures.values())
