"""Runs inside the Tryton server's own Python, never in ours: changes a database through Tryton's own models.

    python tryton_seed.py CONFIG DATABASE

Reads one JSON object a line and answers each with one. `{"do": "fill", …}`, all optional: `employees` [{id, name}],
`parties` [{id, name, country, opted_out}], `deals` [{id, party, name, amount, currency, employee, contact, created_on,
closed_on, state, lost_reason}], `activities` [{deal, at, message}], `scenarios` [name]; `party`, `employee`, `deal` are
ids of ours or Tryton's numbers. The answer holds `key` (of the REST application), `company`, and per table our id →
Tryton's. `{"do": "write", "model": …, "id": …, "values": {…}}` and `{"do": "delete", "model": …, "id": …}` do what a
person could.
"""

import json
import sys
from datetime import date, datetime
from decimal import Decimal

from trytond.config import config

config.update_etc(sys.argv[1])

from trytond.pool import Pool  # noqa: E402  # Tryton reads its settings while it is imported
from trytond.transaction import Transaction  # noqa: E402


def main(database):
    """Do what each line asks for, in a transaction of its own."""
    Pool.start()
    pool = Pool(database)
    pool.init()
    for line in sys.stdin:
        wanted = json.loads(line)
        with Transaction().start(database, 1, context={"active_test": False}):
            company = _company(pool)
            with Transaction().set_context(company=company.id, companies=[company.id], employee=None):
                made = _DO[wanted.pop("do")](pool, company, wanted)
            Transaction().commit()
        print(json.dumps(made), flush=True)


def _company(pool):
    Company = pool.get("company.company")
    found = Company.search([])
    if found:
        return found[0]
    Party, Currency, User = (pool.get(name) for name in ("party.party", "currency.currency", "res.user"))
    party = Party(name="Our company")
    party.save()
    yen = _currency(Currency, "JPY")
    company = Company(party=party, currency=yen)
    company.save()
    user = User(1)
    user.companies = [*user.companies, company]
    user.company = company
    user.save()
    Group = pool.get("res.group")
    user.groups = Group.search([])
    user.save()
    return company


def _currency(Currency, code):
    found = Currency.search([("code", "=", code)])
    if found:
        return found[0]
    digits = 0 if code == "JPY" else 2
    currency = Currency(name=code, code=code, symbol=code, digits=digits, rounding=Decimal(1).scaleb(-digits))
    currency.save()
    return currency


def _fill(pool, company, wanted):
    employees = _employees(pool, company, wanted.get("employees", ()))
    scenarios = _scenarios(pool, wanted.get("scenarios", ()))
    parties = _parties(pool, wanted.get("parties", ()))
    deals = _deals(pool, company, wanted.get("deals", ()), parties, employees)
    activities = _activities(pool, wanted.get("activities", ()), deals)
    tables = {"employees": employees, "parties": parties, "deals": deals, "scenarios": scenarios}
    ids = {name: {key: record.id for key, record in made.items()} for name, made in tables.items()}
    return {"key": _key(pool), "company": company.id, "activities": activities, **ids}


def _key(pool):
    Application = pool.get("res.user.application")
    found = Application.search([("application", "=", "rest"), ("state", "=", "validated")])
    if found:
        return found[0].key
    application = Application(user=1, application="rest", state="validated")
    application.save()
    return application.key


def _write(pool, company, wanted):
    Model = pool.get(wanted["model"])
    dated = {name: _date(value) if name.endswith("_date") else value for name, value in wanted["values"].items()}
    if "amount" in dated:
        dated["amount"] = _money(dated["amount"], Model(wanted["id"]).currency)
    Model.write([Model(wanted["id"])], dated)
    return {}


def _delete(pool, company, wanted):
    Model = pool.get(wanted["model"])
    if wanted["model"] == "sale.opportunity":
        Model.write([Model(wanted["id"])], {"state": "cancelled"})
    Model.delete([Model(wanted["id"])])
    return {}


def _unsubscribe(pool, company, wanted):
    Party, Scenario = pool.get("party.party"), pool.get("marketing.automation.scenario")
    scenarios = [scenario.id for scenario in Scenario.search([])]
    Party.write([Party(wanted["id"])], {"marketing_scenario_unsubscribed": [("add", scenarios)]})
    return {}


def _clear(pool, company, wanted):
    """Empty the tables that a test fills, past all rules; employees and our company stay."""
    cursor = Transaction().connection.cursor()
    kept = {employee.party.id for employee in pool.get("company.employee").search([])} | {company.party.id}
    for name in ("marketing.automation.record", "ir.note", "project.work", "sale.opportunity"):
        cursor.execute(*pool.get(name).__table__().delete())
    for name in ("party.party-unsubscribed-marketing.automation.scenario", "party.contact_mechanism", "party.address"):
        cursor.execute(*pool.get(name).__table__().delete())
    party = pool.get("party.party").__table__()
    cursor.execute(*party.delete(where=~party.id.in_(list(kept))))
    return {}


_DO = {"fill": _fill, "write": _write, "delete": _delete, "unsubscribe": _unsubscribe, "clear": _clear}


def _employees(pool, company, wanted):
    Party, Employee = pool.get("party.party"), pool.get("company.employee")
    parties = Party.create([{"name": w.get("name") or w["id"]} for w in wanted])
    made = Employee.create([{"party": party.id, "company": company.id} for party in parties])
    return {w["id"]: employee for w, employee in zip(wanted, made, strict=True)}


def _scenarios(pool, names):
    Scenario = pool.get("marketing.automation.scenario")
    made = Scenario.create([{"name": n, "model": "party.party", "domain": "[]", "unsubscribable": True} for n in names])
    if made:
        Scenario.run(made)
    return dict(zip(names, made, strict=True))


def _parties(pool, wanted):
    Party, Address = pool.get("party.party"), pool.get("party.address")
    rows = [{"name": w.get("name") or w["id"], "code": f"P-{w['id']}"} for w in wanted]
    made = dict(zip([w["id"] for w in wanted], Party.create(rows), strict=True))
    out = [made[w["id"]] for w in wanted if w.get("opted_out")]
    if out:
        known = [scenario.id for scenario in pool.get("marketing.automation.scenario").search([])]
        Party.write(out, {"marketing_scenario_unsubscribed": [("add", known)]})
    countries = [(made[w["id"]], w["country"]) for w in wanted if w.get("country")]
    if countries:
        known = {code: _country(pool, code).id for code in {code for _, code in countries}}
        Address.create([{"party": party.id, "country": known[code]} for party, code in countries])
    return made


def _country(pool, code):
    Country = pool.get("country.country")
    found = Country.search([("code", "=", code)])
    if found:
        return found[0]
    country = Country(name=code, code=code)
    country.save()
    return country


def _deals(pool, company, wanted, parties, employees):
    Opportunity, Currency = pool.get("sale.opportunity"), pool.get("currency.currency")
    currencies = {code: _currency(Currency, code) for code in {w.get("currency") or "JPY" for w in wanted}}
    contacts = _mechanisms(pool, {_number(parties, w["contact"]) for w in wanted if w.get("contact")})
    rows = [
        {
            "reference": w["id"],
            "description": w.get("name"),
            "company": company.id,
            "currency": currencies[w.get("currency") or "JPY"].id,
            "party": _number(parties, w.get("party")),
            "contact": contacts.get(_number(parties, w.get("contact"))),
            "employee": _number(employees, w.get("employee")),
            "amount": _money(w.get("amount"), currencies[w.get("currency") or "JPY"]),
            "start_date": _date(w.get("created_on")) or date(2000, 1, 1),
            "end_date": _date(w.get("closed_on")),
            "state": w.get("state") or "lead",
            "lost_reason": w.get("lost_reason"),
        }
        for w in wanted
    ]
    made = Opportunity.create(rows)
    return {w["id"]: opportunity for w, opportunity in zip(wanted, made, strict=True)}


def _activities(pool, wanted, deals):
    Note = pool.get("ir.note")
    rows = [
        {"resource": f"sale.opportunity,{_number(deals, w['deal'])}", "message": w.get("message") or "Talked."}
        for w in wanted
    ]
    made = Note.create(rows)
    # A note is stamped with the moment of its creation; these happened before.
    table, cursor = Note.__table__(), Transaction().connection.cursor()
    for note, w in zip(made, wanted, strict=True):
        at = datetime.fromisoformat(w["at"])
        cursor.execute(*table.update([table.create_date], [at], where=table.id == note.id))
    return [note.id for note in made]


def _mechanisms(pool, parties):
    """Return party → a way to reach it, which is what an opportunity's contact is."""
    Mechanism = pool.get("party.contact_mechanism")
    found = {one.party.id: one.id for one in Mechanism.search([("party", "in", list(parties))])}
    new = [{"party": p, "type": "email", "value": f"p{p}@example.com"} for p in sorted(parties - set(found))]
    return {**found, **{one.party.id: one.id for one in Mechanism.create(new)}}


def _number(made, name):
    return made[name].id if name in made else name if isinstance(name, int) else None


def _money(amount, currency):
    return None if amount is None else Decimal(str(amount)).quantize(currency.rounding)


def _date(text):
    return date.fromisoformat(text) if text else None


if __name__ == "__main__":
    main(sys.argv[2])
