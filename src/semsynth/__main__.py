"""``python -m semsynth``, and with it ``torchrun -m semsynth``."""

from __future__ import annotations

from semsynth.cli.main import main

if __name__ == "__main__":
    main()
