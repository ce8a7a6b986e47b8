"""Our own fields on deals: set, put back only where they still hold ours, and looked up after doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from recyclekit.errors import InDoubtError, RemoteError
from recyclekit.models.plan import Action
from recyclekit.models.run import Receipt, ReceiptState
from recyclekit.models.tables import OWN_FIELDS
from recyclekit_hubspot.answers import Batch, read_batch
from recyclekit_hubspot.columns import ID
from recyclekit_hubspot.settings import HubSpotSettings
from recyclekit_hubspot.sink.parallel import halving, in_parts
from recyclekit_hubspot.sink.receipts import done, doubtful, failed, of_item, skipped, unsent
from recyclekit_hubspot.source.records import Records
from recyclekit_hubspot.transport import Call, Transport

Values = Mapping[str, str]


class Fields:
    """Writes deal properties in batches of a hundred, matched by id."""

    def __init__(self, settings: HubSpotSettings, transport: Transport, records: Records) -> None:
        self._settings, self._transport, self._records = settings, transport, records

    def set(self, actions: Sequence[Action]) -> list[Receipt]:
        """Write the payloads' values."""
        strange = {a.key: name for a in actions for name in a.payload if name not in OWN_FIELDS}
        refused = [
            failed(a, "unknown_field", f"'{strange[a.key]}' is no field of ours.", field=strange[a.key])
            for a in actions
            if a.key in strange
        ]
        good = [a for a in actions if a.key not in strange]
        return refused + self._write(good, {a.key: self._values(a.payload) for a in good})

    def put_back(self, actions: Sequence[Action]) -> list[Receipt]:
        """Put old values back where every field still holds ours, or already holds the old one."""
        now, receipts, todo = self._now(actions), list[Receipt](), dict[str, Values]()
        for action in actions:
            receipt, values = self._three_way(action, now.get(action.deal_id))
            receipts += [receipt] if receipt else []
            todo |= {action.key: values} if values else {}
        return receipts + self._write([a for a in actions if a.key in todo], todo)

    def find(self, actions: Sequence[Action]) -> list[Receipt]:
        """Tell whether the deals hold what was to be written."""
        now = self._now(actions)
        receipts = []
        for action in actions:
            values = now.get(action.deal_id)
            holds = values is not None and all(_same(values.get(n), v) for n, v in self._values(action.payload).items())
            proof = f"deal {action.deal_id} holds these values"
            receipts.append(done(action, action.deal_id, proof) if holds else unsent(action, "absent", "not there"))
        return receipts

    def _three_way(self, action: Action, now: Values | None) -> tuple[Receipt | None, Values]:
        if now is None:
            return skipped(action, "gone", "The deal is gone."), {}
        back = self._values({name: value for name, value in action.payload.items() if name in OWN_FIELDS})
        expect = action.payload.get("expect")
        ours = self._values(expect) if isinstance(expect, Mapping) else {}
        for name, value in back.items():
            if name in ours and not _same(now.get(name), ours[name]) and not _same(now.get(name), value):
                reason = f"A person changed {name} since; it stays as it is."
                return skipped(action, "changed", reason, field=name), {}
        if all(_same(now.get(name), value) for name, value in back.items()):
            return done(action, action.deal_id, f"deal {action.deal_id} holds the old values already"), {}
        return None, back

    def _now(self, actions: Sequence[Action]) -> dict[str, dict[str, str]]:
        names = [self._settings.property_of(name) for name in OWN_FIELDS]
        found = self._records.read("deals", [a.deal_id for a in actions], names, sure=True)
        return {str(row[ID]): row for row in found.iter_rows(named=True)}

    def _values(self, payload: Mapping[str, object]) -> Values:
        return {self._settings.property_of(name): _text(value) for name, value in payload.items()}

    def _write(self, actions: Sequence[Action], values: Mapping[str, Values]) -> list[Receipt]:
        receipts: list[Receipt] = []
        for round_ in _rounds(actions):
            ids = {action.key: (action.deal_id, values[action.key]) for action in round_}
            receipts += update(self._transport, "deals", round_, ids, self._settings.threads)
        return receipts


def update(
    transport: Transport, kind: str, actions: Sequence[Action], values: Mapping[str, tuple[str, Values]], threads: int
) -> list[Receipt]:
    """Update records by id, a hundred a call; `values` holds, by action key, which record gets what."""

    def send(part: Sequence[Action]) -> list[Receipt]:
        return halving(part, lambda some: _sent(transport, kind, some, values))

    return in_parts(actions, send, threads)


def _sent(
    transport: Transport, kind: str, actions: Sequence[Action], values: Mapping[str, tuple[str, Values]]
) -> list[Receipt]:
    """Send one call; what its answer does not settle is sent again, since the same update twice changes nothing."""
    settled: dict[str, Receipt] = {}
    left = {a.key: doubtful(a, "the answer does not mention it") for a in actions}
    for attempt in range(transport.tries):
        todo = [a for a in actions if a.key in left]
        inputs = [
            {"id": values[a.key][0], "properties": values[a.key][1], "objectWriteTraceId": str(n)}
            for n, a in enumerate(todo)
        ]
        path = transport.paths.objects(kind, "batch", "update")
        call = Call(method="POST", path=path, body={"inputs": inputs}, writes=True)
        try:
            batch = transport.ask(call, read_batch)
        except RemoteError as error:
            if attempt == 0:
                raise
            if isinstance(error, InDoubtError):
                left = {a.key: doubtful(a, error.what) for a in todo}
            break
        for receipt in matched(todo, batch, {values[a.key][0]: a for a in todo}, "id"):
            # What is locked or failed within HubSpot was not applied, and may be by and by.
            (left if receipt.state is ReceiptState.PLANNED else settled)[receipt.key] = receipt
        left = {key: receipt for key, receipt in left.items() if key not in settled}
        if not left:
            break
        if not transport.pause(attempt):
            break
    return [*settled.values(), *left.values()]


def matched(actions: Sequence[Action], batch: Batch, by_id: Mapping[str, Action], name: str) -> list[Receipt]:
    """Return the receipts of what an answer mentions, by id or trace id, never by order."""
    found: dict[str, Receipt] = {}
    for result in batch.results:
        action = by_id.get(str(result.get("id")))
        if action is not None:
            found[action.key] = done(action, str(result["id"]), f"{name} {result['id']} echoed")
    for error in batch.errors:
        for action in _blamed(actions, by_id, error):
            found.setdefault(action.key, of_item(action, error))
    return list(found.values())


def _blamed(actions: Sequence[Action], by_id: Mapping[str, Action], error: Mapping[str, object]) -> list[Action]:
    context = error.get("context")
    if not isinstance(context, Mapping):
        return []
    traces = [str(one) for one in context.get("objectWriteTraceId") or []]
    named = [actions[int(one)] for one in traces if one.isdecimal() and int(one) < len(actions)]
    ids = [str(one) for key in ("id", "ids", "objectId") for one in _listed(context.get(key))]
    return named or [by_id[one] for one in ids if one in by_id]


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _rounds(actions: Sequence[Action]) -> list[list[Action]]:
    """Split actions so that none of a round concern the same deal: HubSpot refuses a record twice in one call."""
    rounds: list[dict[str, Action]] = []
    times: Counter[str] = Counter()
    for action in actions:
        if times[action.deal_id] == len(rounds):
            rounds.append({})
        rounds[times[action.deal_id]][action.deal_id] = action
        times[action.deal_id] += 1
    return [list(one.values()) for one in rounds]


def _text(value: object) -> str:
    """Return a value as HubSpot takes it; empty clears."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(now: str | None, value: str) -> bool:
    """Whether a property holds a value, whichever way HubSpot writes its numbers and dates."""
    text = (now or "").strip()
    if text == value.strip():
        return True
    try:
        return bool(text) and bool(value) and float(text) == float(value)
    except ValueError:
        return False
