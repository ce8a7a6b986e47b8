"""meltano-tap-hubspot reading the same deals and writing its Singer messages, as `tap-hubspot > target` does.

Runs in an environment of its own, where the tap is installed; prints what it took. The tap knows HubSpot's own address
only and asks for every property there is: here it asks our sandbox for the properties that the others ask for.

python rival_tap_hubspot.py SETTINGS-AS-JSON PROPERTIES
"""

import json
import logging
import sys
import tempfile
import time
from contextlib import redirect_stdout

from tap_hubspot.streams import DealStream
from tap_hubspot.tap import TapHubspot


def main(settings, properties):
    """Sync the stream of deals into a file, and count its records there."""
    logging.disable(logging.CRITICAL)
    there = json.loads(settings)
    names = [*properties.split(","), "hs_lastmodifieddate"]  # the last one is the tap's bookmark

    class Deals(DealStream):
        url_base = f"{there['url']}/crm/v3"
        hs_properties = dict.fromkeys(names, "string")

    class Tap(TapHubspot):
        def discover_streams(self):
            return [Deals(self)]

    tap = Tap(config={"access_token": there["token"]}, validate_config=False)
    with tempfile.TemporaryFile("w+") as out:
        cpu, wall = time.process_time(), time.perf_counter()
        with redirect_stdout(out):
            tap.sync_all()
        took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        out.seek(0)
        records = sum('"RECORD"' in line[:40] for line in out)
    print(json.dumps({"records": records, **took}))


if __name__ == "__main__":
    main(*sys.argv[1:])
