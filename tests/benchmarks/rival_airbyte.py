"""airbyte-cdk's declarative source reading the same deals and writing its messages, as a low-code connector does.

Runs in an environment of its own, where airbyte-cdk is installed; prints what it took.

python rival_airbyte.py SETTINGS-AS-JSON PROPERTIES
"""

import json
import logging
import sys
import tempfile
import time

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer, Type
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource


def main(settings, properties):
    """Read the stream of deals, writing each message into a file as the source's process does to its output."""
    logging.disable(logging.CRITICAL)
    there = json.loads(settings)
    catalog = ConfiguredAirbyteCatalogSerializer.load(_catalog())
    records, cpu, wall = 0, time.process_time(), time.perf_counter()
    source = ConcurrentDeclarativeSource(catalog, {}, None, source_config=_manifest(there, properties))
    with tempfile.TemporaryFile("w+") as out:
        for message in source.read(logging.getLogger("airbyte"), {}, catalog):
            out.write(AirbyteEntrypoint.airbyte_message_to_string(message) + "\n")
            records += message.type == Type.RECORD
    print(json.dumps({
        "records": records, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall,
    }))  # fmt: skip


def _manifest(there, properties):
    schema = {"type": "object", "properties": {"id": {"type": "string"}, "properties": {"type": "object"}}}
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["deals"]},
        "streams": [{
            "type": "DeclarativeStream",
            "name": "deals",
            "primary_key": ["id"],
            "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": there["url"],
                    "path": "/crm/v3/objects/deals",
                    "http_method": "GET",
                    "authenticator": {"type": "BearerAuthenticator", "api_token": there["token"]},
                    "request_parameters": {"properties": properties},
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": ["results"]},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "page_size_option": {"type": "RequestOption", "inject_into": "request_parameter",
                                         "field_name": "limit"},
                    "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter",
                                          "field_name": "after"},
                    "pagination_strategy": {
                        "type": "CursorPagination",
                        "page_size": 100,
                        "cursor_value": "{{ response.get('paging', {}).get('next', {}).get('after') }}",
                        "stop_condition": "{{ not response.get('paging', {}).get('next', {}).get('after') }}",
                    },
                },
            },
        }],
    }  # fmt: skip


def _catalog():
    stream = {"name": "deals", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    return {
        "streams": [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
