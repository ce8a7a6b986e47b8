"""What is wrong with a statement is said as the vendor says it: code, place, caret and sentence."""

from __future__ import annotations

import pytest

from recyclekit.testing.sandbox.salesforce import SalesforceSandbox
from tests.testing.sandbox.salesforce.conftest import Rest

COLUMN = (
    "\nSELECT Id, Foo__c FROM Opportunity\n           ^\nERROR at Row:1:Column:12\nNo such column 'Foo__c' on entity "
    "'Opportunity'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field "
    "name. Please reference your WSDL or the describe call for the appropriate names."
)


def test_an_unknown_field_is_an_invalid_field_with_its_place(rest: Rest) -> None:
    assert rest.refused("SELECT Id, Foo__c FROM Opportunity") == ("INVALID_FIELD", COLUMN)


def test_a_field_hidden_by_field_level_security_looks_as_if_it_did_not_exist(
    crm: SalesforceSandbox, rest: Rest
) -> None:
    crm.hide("Opportunity", "Amount")
    code, message = rest.refused("SELECT Amount FROM Opportunity")
    assert code == "INVALID_FIELD"
    assert "No such column 'Amount' on entity 'Opportunity'" in message
    names = {field["name"] for field in rest.get("/sobjects/Opportunity/describe")["fields"]}
    assert "Amount" not in names


def test_an_unknown_object_is_an_invalid_type(rest: Rest) -> None:
    code, message = rest.refused("SELECT Id FROM Deal__c")
    assert code == "INVALID_TYPE"
    assert "\n               ^\nERROR at Row:1:Column:16\nsObject type 'Deal__c' is not supported." in message


def test_an_unknown_relationship_is_named(rest: Rest) -> None:
    assert (
        "Didn't understand relationship 'Acount' in field path"
        in rest.refused("SELECT Acount.Name FROM Opportunity")[1]
    )
    code, message = rest.refused("SELECT Id, (SELECT Id FROM ContactRoles) FROM Opportunity")
    assert (code, "relationship 'ContactRoles' in FROM part of query call" in message) == ("INVALID_TYPE", True)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("SELECT Id FROM Opportunity WHERE", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Opportunity WHERE Amount >", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Opportunity WHERE Amount = 1 AND Name = 'a' OR Id = null", "unexpected token: 'OR'"),
        ("SELECT Id FROM Opportunity WHERE Name = 'a\\q'", "Illegal character sequence"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = 2026-13-01", "Invalid date: 2026-13-01"),
        ("SELECT Id, Id FROM Opportunity", "duplicate field selected: Id"),
        ("SELECT Id x FROM Opportunity", "only aggregate expressions use field aliasing"),
        ("SELECT COUNT(), Id FROM Opportunity", "Grouped query cannot use COUNT() with other fields"),
        ("SELECT Name, COUNT(Id) FROM Opportunity", "Field must be grouped or aggregated"),
    ],
)
def test_what_makes_no_sense_is_malformed(rest: Rest, statement: str, sentence: str) -> None:
    code, message = rest.refused(statement)
    assert code == "MALFORMED_QUERY"
    assert sentence in message


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("CloseDate = '2026-01-01'", "'CloseDate' must be of type date and should not be enclosed in quotes"),
        ("CloseDate = 2026-01-01T00:00:00Z", "must be of type date"),
        ("SystemModstamp > 2026-01-01", "must be of type dateTime and should not be enclosed in quotes"),
        ("Amount = '5'", "must be of type double and should not be enclosed in quotes"),
        ("IsClosed = 'true'", "must be of type boolean and should not be enclosed in quotes"),
        ("Name = 5", "must be of type string and should be enclosed in quotes"),
        ("Amount = TODAY", "must be of type double"),
        ("Description = 'x'", "field 'Description' can not be filtered in a query call"),
        ("HasOpenActivity = true", "field 'HasOpenActivity' can not be filtered in a query call"),
    ],
)
def test_a_value_of_another_type_or_a_field_that_cannot_be_filtered_is_refused(
    rest: Rest, condition: str, sentence: str
) -> None:
    code, message = rest.refused(f"SELECT Id FROM Opportunity WHERE {condition}")
    assert code == "INVALID_FIELD"
    assert sentence in message


def test_other_refusals_have_codes_of_their_own(rest: Rest) -> None:
    assert rest.refused("SELECT Id FROM Opportunity WHERE Id = 'abc'")[0] == "INVALID_QUERY_FILTER_OPERATOR"
    assert rest.refused("SELECT Id FROM Opportunity WHERE Amount LIKE '5%'")[0] == "INVALID_QUERY_FILTER_OPERATOR"
    assert rest.refused("SELECT Id FROM Opportunity LIMIT 1 OFFSET 2001")[0] == "NUMBER_OUTSIDE_VALID_RANGE"
    assert "can not be sorted" in rest.refused("SELECT Id FROM Opportunity ORDER BY Description")[1]


def test_a_statement_too_long_for_a_url_is_414_before_anything_reads_it(rest: Rest) -> None:
    ids = ",".join(["'0065e0000000001AAA'"] * 900)
    answer = rest.call("GET", "/query", params={"q": f"SELECT Id FROM Opportunity WHERE Id IN ({ids})"})
    assert answer.status_code == 414
