"""Manifests and settings that lie, and secrets that leak."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recyclekit.connectors import FULL, Capability, ConnectorManifest, Level, Page, Support
from recyclekit.errors import RetryableError
from tests.testing.liars.honest import Honest
from tests.testing.liars.liar import Liar

Manifest = ConnectorManifest[Any]


def _declaring(h: Honest, capability: Capability, support: Support | None) -> Manifest:
    others = {c: s for c, s in h.manifest.capabilities.items() if c is not capability}
    return replace(h.manifest, capabilities=others | ({} if support is None else {capability: support}))


def claims_what_it_lacks(h: Honest) -> Manifest:
    return h.writing(undo=None)


def claims_a_table_it_lacks(h: Honest) -> Manifest:
    return _declaring(h, Capability.READ_SIGNALS, FULL)


def hides_what_it_has(h: Honest) -> Manifest:
    return _declaring(h, Capability.UNDO, Support(Level.NEVER, "We would rather not."))


def says_nothing(h: Honest) -> Manifest:
    return _declaring(h, Capability.ERASE, None)


def never_for_no_reason(h: Honest) -> Manifest:
    return _declaring(h, Capability.ERASE, Support(Level.NEVER))


def erases_nothing(h: Honest) -> Manifest:
    claimed = _declaring(h, Capability.ERASE, FULL).capabilities
    return replace(h.writing(erase=lambda self, deals: 3 if len(deals) == 1 else 0), capabilities=claimed)


def is_of_another_age(h: Honest) -> Manifest:
    return replace(h.manifest, api=0)


def takes_other_arguments(h: Honest) -> Manifest:
    return h.writing(find=lambda self, batch: [])


class OpenSettings(BaseModel):
    """Settings that take anything, describe nothing and keep a token in clear."""

    model_config = ConfigDict(extra="allow")
    url: str = "http://127.0.0.1:1"
    access_token: str | None = Field(default=None, description="The token, in clear.")


def takes_any_setting(h: Honest) -> Manifest:
    return replace(h.manifest, settings=OpenSettings)


def leaks_its_secret_in_errors(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        try:
            yield from h.source.HonestSource.pages(self, *args)
        except RetryableError as error:
            token = self._settings.token.get_secret_value()
            raise RetryableError(error.what, why=f"GET /records?token={token}") from error

    return h.reading(pages=pages)


def leaks_its_secret_in_logs(h: Honest) -> Manifest:
    def columns(self: Any, table: Any) -> Any:
        return h.source.HonestSource.columns(self, table)

    def pages(self: Any, *args: Any) -> Iterator[Page]:
        logging.getLogger("honest").debug("signing in with %s", self._settings.token.get_secret_value())
        yield from h.source.HonestSource.pages(self, *args)

    return h.reading(pages=pages, columns=columns)


def leaks_its_secret_in_its_cursor(h: Honest) -> Manifest:
    def pages(self: Any, *args: Any) -> Iterator[Page]:
        for page in h.source.HonestSource.pages(self, *args):
            yield replace(page, cursor=f"{page.cursor}#{self._settings.token.get_secret_value()}")

    return h.reading(pages=pages)


def loads_an_sdk(h: Honest) -> Manifest:
    from tests.testing.liars import heavyweight

    return replace(h.manifest, open_source=heavyweight.open_source)


LIARS = (
    Liar("claims what it lacks", "test_what_is_declared_is_what_the_doors_have", "do not have it", claims_what_it_lacks,
         (("capability", Capability.UNDO),)),
    Liar("claims a table it lacks", "test_what_is_declared_is_what_the_doors_have", "do not have it",
         claims_a_table_it_lacks, (("capability", Capability.READ_SIGNALS),)),
    Liar("hides what it has", "test_what_is_declared_is_what_the_doors_have", "yet the sink", hides_what_it_has,
         (("capability", Capability.UNDO),)),
    Liar("says nothing of erasing", "test_every_capability_is_declared", "erase", says_nothing),
    Liar("never for no reason", "test_never_has_a_reason", "erase", never_for_no_reason),
    Liar("erases nothing", "test_what_was_written_about_a_person_can_be_erased", "is left", erases_nothing,
         (("declared", Capability.ERASE),)),  # the honest one leaves it to its system
    Liar("is of another age", "test_it_is_made_for_this_version_of_the_contract", "version 1", is_of_another_age),
    Liar("takes other arguments", "test_the_doors_have_the_signatures_of_the_protocols", "FindsByKey.find",
         takes_other_arguments),
    Liar("describes no setting", "test_every_setting_is_described", "url", takes_any_setting),
    Liar("keeps a token in clear", "test_what_sounds_like_a_secret_is_declared_as_one", "access_token",
         takes_any_setting),
    Liar("takes any setting", "test_a_misspelt_setting_is_refused", "DID NOT RAISE", takes_any_setting,
         (("config", OpenSettings()),)),
    Liar("leaks its secret in errors", "test_secrets_show_nowhere", "the secret token shows",
         leaks_its_secret_in_errors),
    Liar("leaks its secret in logs", "test_secrets_show_nowhere", "the secret token shows", leaks_its_secret_in_logs),
    Liar("leaks its secret in its cursor", "test_secrets_show_nowhere", "the secret token shows",
         leaks_its_secret_in_its_cursor),
    Liar("loads an sdk", "test_importing_it_uses_no_network_and_no_sdk", "sqlalchemy", loads_an_sdk),
)  # fmt: skip
