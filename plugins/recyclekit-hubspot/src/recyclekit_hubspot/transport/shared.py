"""One transport per account and settings, so that reading and writing share its limits."""

from __future__ import annotations

import hashlib
import threading
from weakref import WeakValueDictionary

from recyclekit.connectors import Opening
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.transport import Transport, Ways

_open: WeakValueDictionary[str, Transport] = WeakValueDictionary()
_lock = threading.Lock()


def transport_of(settings: HubSpotSettings, opening: Opening) -> Transport:
    """Return the transport of these settings; a relative `ca_file` starts at the project's folder."""
    if settings.ca_file is not None:
        settings = settings.model_copy(update={"ca_file": opening.folder / settings.ca_file})
    # Who may stop it belongs to it: the question lives as long as the transport that asks it.
    mark = f"{_mark(settings)} {id(opening.should_stop)}"
    with _lock:
        transport = _open.get(mark)
        if transport is None:
            ways = Ways(should_stop=opening.should_stop, sharing=opening.sharing)
            _open[mark] = transport = Transport(settings, ways)
        return transport


def _mark(settings: HubSpotSettings) -> str:
    """Return what tells settings apart; a hash, since it holds secrets."""
    secrets = [settings.token.get_secret_value()] if settings.token else []
    if settings.oauth:
        secrets += [settings.oauth.client_secret.get_secret_value(), settings.oauth.refresh_token.get_secret_value()]
    return hashlib.sha256("\0".join([settings.model_dump_json(), *secrets]).encode()).hexdigest()
