"""dlt's rest_api source reading the same deals into columns (Parquet files), as its pipeline does, and as bare records.

Runs in an environment of its own, where dlt is installed; prints what both took.

python rival_dlt.py SETTINGS-AS-JSON PROPERTIES
"""

import json
import os
import sys
import tempfile
import time

import dlt
from dlt.sources.rest_api import rest_api_source


def main(settings, properties):
    """Measure a whole pipeline into Parquet files, then its source alone, which yields dicts and builds nothing."""
    there = json.loads(settings)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        pipeline = dlt.pipeline(
            "deals", destination=dlt.destinations.filesystem(bucket_url=f"file://{folder}/out"), pipelines_dir=folder
        )
        cpu, wall = time.process_time(), time.perf_counter()
        pipeline.run(_source(there, properties), loader_file_format="parquet")
        whole = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    cpu = time.process_time()
    records = sum(1 for _ in _source(there, properties).resources["deals"])
    print(json.dumps({"records": records, **whole, "cpu_of_source": time.process_time() - cpu}))


def _source(there, properties):
    return rest_api_source({
        "client": {
            "base_url": there["url"],
            "auth": {"type": "bearer", "token": there["token"]},
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
        },
        "resources": [
            {
                "name": "deals",
                "endpoint": {
                    "path": "crm/v3/objects/deals",
                    "params": {"limit": 100, "properties": properties},
                    "data_selector": "results",
                },
            }
        ],
    })  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
