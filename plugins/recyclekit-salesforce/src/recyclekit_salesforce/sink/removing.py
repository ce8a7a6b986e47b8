"""Deleting records that are ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit_salesforce.answers import receipt, rows
from recyclekit_salesforce.sink.rows import Row, deliver
from recyclekit_salesforce.transport import Transport


def delete(transport: Transport, ids: Mapping[str, Action]) -> list[Receipt]:
    """Delete records by id; one that is gone already is done."""
    if not ids:
        return []

    def send(chunk: Sequence[Row]) -> list[Receipt]:
        params = {"ids": ",".join(str(row.body["id"]) for row in chunk), "allOrNone": "false"}
        answer = transport.write_json("DELETE", "composite/sobjects", params=params, repeatable=True)
        listed = rows(answer, len(chunk), "DELETE composite/sobjects")
        return [
            _gone_is_done(receipt(row.action, one, expect=str(row.body["id"])), row)
            for row, one in zip(chunk, listed, strict=True)
        ]

    outgoing = [Row(action, {"id": one}, action.deal_id) for one, action in ids.items()]
    return deliver(transport, outgoing, send, parallel=1)


def _gone_is_done(one: Receipt, row: Row) -> Receipt:
    if one.code != "gone":
        return one
    return Receipt(key=one.key, state=ReceiptState.DONE, remote_id=str(row.body["id"]), proof="it was gone already")
