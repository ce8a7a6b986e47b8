"""What exports usually call our columns, in Japanese, English, German: to suggest a heading, never to read by one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from recyclekit.models.tables import Table

_ALIKE = 0.7

_IDS: Mapping[str, str] = {
    "deal_id": "商談id|案件id|案件番号|取引id|商談番号|案件コード|案件no|レコードid|opportunityid|recordid|dealid|id"
    "|geschäftsid|vorgangsid|vorgangsnr|vorgangsnummer|dealnr|dealnummer",
    "account_id": "取引先id|会社id|企業id|取引先名|会社名|企業名|顧客id|取引先|accountid|companyid|accountname"
    "|account|company|companyname|associatedcompany|organization"
    "|firma|firmenid|kunde|kundenid|kundennr|kundennummer|konto|unternehmen",
    "contact_id": "取引先責任者id|取引先責任者|担当者id|連絡先id|コンタクトid|コンタクト|顧客担当者|contactid|contact"
    "|associatedcontact|email|メール|メールアドレス"
    "|ansprechpartner|kontakt|kontaktid|ansprechpartnerid",
}
_USUAL: Mapping[Table, Mapping[str, str]] = {
    Table.DEALS: {
        **_IDS,
        "name": "商談名|案件名|取引名|件名|opportunityname|dealname|title|name|bezeichnung|titel",
        "deal_pipeline": "パイプライン|pipeline|dealpipeline",
        "deal_stage": "フェーズ|ステージ|商談フェーズ|案件フェーズ|取引ステージ|ステータス|案件ステータス|進捗|stage"
        "|dealstage|status|phase"
        "|vertriebsphase|verkaufsphase|stufe|stadium",
        "amount": "金額|受注金額|見込金額|商談金額|案件金額|売上見込|amount|value|dealvalue|closevalue"
        "|betrag|volumen|auftragswert|wert|umsatz|summe",
        "currency": "通貨|currency|dealcurrency|währung",
        "owner": "商談所有者|所有者|担当|担当者|営業担当|案件担当者|取引担当者|owner|opportunityowner|dealowner"
        "|inhaber|verantwortlich|verantwortlicher|vertriebsmitarbeiter|bearbeiter",
        "product": "商品|製品|商材|サービス|product|produkt",
        "created_on": "作成日|作成日時|登録日|案件登録日|発生日|商談開始日|created|createddate|createdate|opened"
        "|erstellt|erstelltam|angelegt|angelegtam|erstelldatum|anlagedatum|erstellungsdatum",
        "closed_on": "完了予定日|完了日|クローズ日|受注予定日|受注日|失注日|受注失注日|確定日|closed|closedate"
        "|closeddate|dealclosedon"
        "|abgeschlossen|abgeschlossenam|abschlussdatum|geschlossen|geschlossenam|schlusstermin",
        "last_activity_at": "最終活動日|最終活動日時|最終接触日|最終対応日|最終更新日|lastactivity|lastactivitydate"
        "|lastcontacted"
        "|letzteaktivität|letzterkontakt|letztekontaktaufnahme",
        "lost_reason": "失注理由|敗因|失注要因|lostreason|lossreason|closedlostreason|closelostreason"
        "|verlustgrund|absagegrund|ablehnungsgrund|grund",
        "lost_note": "失注メモ|失注詳細|失注理由詳細|備考|メモ|lostnote|lossdetails|comments"
        "|bemerkung|bemerkungen|notiz|kommentar",
        "next_approach_on": "次回アプローチ日|次回接触日|次回連絡日|再アプローチ日|次回アクション日|nextapproach"
        "|nextstepdate|followupdate"
        "|nächsterkontakt|wiedervorlage|nächsteransprache",
        "approach_person": "アプローチ担当|アプローチ担当者|次回担当|approachperson|followupowner",
        "hook": "フック|きっかけ|次回ネタ|hook|nextstep|aufhänger|anlass|nächsterschritt",
        "competitor": "競合|競合他社|競合先|competitor|maincompetitors|wettbewerber|mitbewerber",
        "contract_ends_on": "契約終了日|契約満了日|契約更新日|contractend|contractenddate|renewaldate"
        "|vertragsende|vertragsablauf",
    },
    Table.ACTIVITIES: {
        **_IDS,
        "activity_id": "活動id|activityid",
        "at": "日時|活動日|活動日時|実施日|実施日時|対応日|日付|at|date|activitydate|duedate|createdat|timestamp"
        "|datum|zeitpunkt",
        "kind": "種別|活動種別|活動タイプ|種類|type|activitytype|tasksubtype|art|typ|aktivitätstyp",
    },
    Table.CONTACTS: {
        **_IDS,
        "opted_out": "配信停止|オプトアウト|メール送信除外|optedout|emailoptout|unsubscribed|abgemeldet|werbesperre",
        "bounced": "不達|バウンス|bounced|emailbounced",
    },
    Table.ACCOUNTS: {
        **_IDS,
        "country": "国|国コード|country|countrycode|billingcountry|land|ländercode",
        "fiscal_year": "決算月|会計年度|年度開始月|fiscalyear|fiscalyearend|geschäftsjahr|geschäftsjahresbeginn",
    },
}


def likely(table: Table, name: str, wanted: str, offered: Collection[str]) -> list[str]:
    """Return the headings among those offered that are probably meant, at most two, the best first.

    Args:
        table: ours.
        name: our column.
        wanted: the heading that the field map names, and that is not there.
        offered: headings that are there.
    """
    folded = {fold(one): one for one in offered if fold(one)}
    close = get_close_matches(fold(wanted), list(folded), n=2, cutoff=_ALIKE)
    usual = [one for one in _USUAL.get(table, {}).get(name, "").split("|") if one in folded]
    return [folded[one] for one in close or usual[:1]]


def fold(heading: str) -> str:
    """Return what is compared: full-width letters, case, blanks and punctuation make no difference."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", heading)).casefold()
