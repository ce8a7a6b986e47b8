"""HubSpot's own client for Node, unchanged, through the whole API that a connector uses."""

from __future__ import annotations

import json

from recyclekit.testing.sandbox.hubspot import HubSpotSandbox
from tests.clients import node
from tests.testing.sandbox.hubspot.conftest import some_deals


def test_hubspots_client_for_node_sees_what_is_there(crm: HubSpotSandbox) -> None:
    loaded = crm.load(
        contacts=[{"contact_id": "C-1"}], deals=[{**deal, "contact_id": "C-1"} for deal in some_deals(25)]
    )
    deal, contact = loaded.deals["D-0001"], loaded.contacts["C-1"]

    seen = json.loads(node.run("use_hubspot.mjs", crm.url, crm.token, deal, contact))

    assert seen == {
        "deals": 25,
        "dates": True,
        "linked": "deal_to_contact",
        "search": [13, 5, "5"],
        "made": ["COMPLETE", 1],
        "read": "Call",
        "links": True,
        "updated": [1, 1, "OBJECT_NOT_FOUND"],
        "property": True,
        "lost": {"isClosed": "true", "probability": "0.0"},
        "owners": 3,
        "added": [contact],
        "missing": [404, "OBJECT_NOT_FOUND"],
    }
    assert crm.objects["deals"][deal].properties["recycle_track"] == "timing"
    assert not [call for call in crm.journal if call.status >= 500]
