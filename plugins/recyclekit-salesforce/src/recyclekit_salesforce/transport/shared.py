"""One transport per org and settings, so that the doors of a connection sign in, and ask what an org holds, once."""

from __future__ import annotations

import hashlib
import threading
from weakref import WeakValueDictionary

from recyclekit.connectors import Opening
from recyclekit_salesforce.settings import SalesforceSettings
from recyclekit_salesforce.transport import Transport

_open: WeakValueDictionary[str, Transport] = WeakValueDictionary()
_lock = threading.Lock()


def transport_of(settings: SalesforceSettings, opening: Opening) -> Transport:
    """Return the transport of these settings and this opening."""
    # Who may stop it belongs to it: the question lives as long as the transport that asks it.
    mark = f"{_mark(settings)} {opening.folder} {id(opening.should_stop)}"
    with _lock:
        transport = _open.get(mark)
        if transport is None:
            exchange = opening.sharing(settings.address, "calls")
            transport = Transport(settings, opening.folder, should_stop=opening.should_stop, exchange=exchange)
            _open[mark] = transport
        return transport


def _mark(settings: SalesforceSettings) -> str:
    """Return what tells settings apart; a hash, since it holds secrets."""
    secrets = (settings.client_secret, settings.private_key, settings.password, settings.security_token)
    told = [one.get_secret_value() if one else "" for one in (*secrets, settings.access_token)]
    return hashlib.sha256("\0".join([settings.model_dump_json(), *told]).encode()).hexdigest()
