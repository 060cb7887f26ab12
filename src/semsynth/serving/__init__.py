"""What the studio's and the study's servers share: ports, connections under limits, and errors in JSON.

This module itself needs no web framework: a port is taken before anything else is loaded.
"""

from semsynth.serving.limits import ServerLimits
from semsynth.serving.ports import address, check_proxies, listen, make_server

__all__ = ["ServerLimits", "address", "check_proxies", "listen", "make_server"]
