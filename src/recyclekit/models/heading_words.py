"""What exports usually call our columns, in Japanese, English and German: folded headings as data, the usual first."""

from __future__ import annotations

from collections.abc import Mapping

from recyclekit.models.tables import Table

_DEAL_ID = (
    "商談id|案件id|案件番号|取引id|商談番号|案件コード|案件no|商談no|商談コード|案件管理番号|引合番号|見積番号"
    "|opportunityid|dealid|opportunitynumber|dealnumber|oppid|opportunity18id|whatid|relatedtoid|opportunity"
    "|geschäftsid|vorgangsid|vorgangsnr|vorgangsnummer|dealnr|dealnummer"
)
_ACCOUNT_ID = (
    "取引先id|会社id|企業id|顧客id|顧客コード|取引先コード|得意先コード|取引先名|会社名|企業名|顧客名|得意先名|得意先"
    "|取引先|顧客|会社|企業|お客様名|関連する会社|関連付けられた会社|関連会社"
    "|accountid|companyid|organizationid|associatedcompanyids|associatedcompanyid|accountname|account|company"
    "|companyname|associatedcompany|primaryassociatedcompany|organization|organizationname|customer"
    "|customername|client"
    "|clientname|associatedcompanydomain|companydomainname|companydomain"
    "|firma|firmenid|kunde|kundenid|kundennr|kundennummer|konto|unternehmen"
)
_CONTACT_ID = (
    "取引先責任者id|連絡先id|コンタクトid|リードid|担当者id|取引先責任者|取引先責任者名|コンタクト|先方担当者"
    "|顧客担当者"
    "|先方担当|お客様担当者|関連するコンタクト|関連付けられたコンタクト"
    "|contactid|associatedcontactids|associatedcontactid|whoid|contact|contactname|primarycontact|contactperson"
    "|associatedcontact|associatedcontacts|associatedcontactemail|primarycontactemail|contactemail|email"
    "|emailaddress|workemail"
    "|メール|メールアドレス|eメール|ansprechpartner|kontakt|kontaktid|ansprechpartnerid"
)
_OWN_ID = "id|recordid|レコードid|レコード番号|管理番号|no|番号"
"""Of the thing that the table lists."""
_IDS: Mapping[str, str] = {"deal_id": _DEAL_ID, "account_id": _ACCOUNT_ID, "contact_id": _CONTACT_ID}

USUAL: Mapping[Table, Mapping[str, str]] = {
    Table.DEALS: {
        **_IDS,
        "deal_id": f"{_DEAL_ID}|{_OWN_ID}",
        "external_id": "外部id|externalid",
        "name": "商談名|案件名|取引名|案件名称|商談件名|件名|opportunityname|dealname|title|name|subject"
        "|bezeichnung|titel",
        "deal_pipeline": "パイプライン|取引パイプライン|商談種別|pipeline|dealpipeline|pipelineid"
        "|dealpipelineid|salesprocess",
        "deal_stage": "フェーズ|ステージ|商談フェーズ|案件フェーズ|取引ステージ|商談ステージ|営業フェーズ|ステータス"
        "|案件ステータス|商談ステータス|商談状況|案件状況|進捗|進捗状況|状況|状態"
        "|stage|stagename|dealpipelinestageid|pipelinestageid|dealstage|salesstage|opportunitystage|status"
        "|dealstatus|phase|stageid|pipelinestage"
        "|vertriebsphase|verkaufsphase|stufe|stadium",
        "crm_state": "勝敗|受注失注|受失注|受注失注区分|商談結果|案件結果|結果|outcome|result|wonlost|winloss"
        "|dealstatus"
        "|status|ステータス|状態|dealoutcome",
        "amount": "金額|受注金額|見込金額|商談金額|案件金額|見込み金額|予定金額|提案金額|見積金額|売上見込"
        "|売上|総額|合計金額"
        "|取引金額|受注見込額|契約金額|amount|value|dealvalue|closevalue|dealamount|expectedamount|opportunityamount"
        "|totalamount|expectedrevenue|revenue|acv|tcv|price"
        "|betrag|volumen|auftragswert|wert|umsatz|summe",
        "currency": "通貨|通貨コード|currency|dealcurrency|currencycode|amountcurrency|currencyisocode"
        "|dealcurrencycode"
        "|currencyofvalue|währung",
        "owner": "商談所有者|案件所有者|所有者|商談所有者名|担当|担当者|営業担当|営業担当者|自社担当者"
        "|自社担当|案件担当者"
        "|取引担当者|商談担当者|主担当|担当営業|owner|opportunityowner|dealowner|ownerid|hubspotownerid"
        "|owneremail|ownername"
        "|salesrep|salesagent|salesperson|rep|accountexecutive|assignedto|managerid|manager"
        "|inhaber|verantwortlich|verantwortlicher|vertriebsmitarbeiter|bearbeiter",
        "product": "商品|製品|商材|サービス|商品名|製品名|提案商品|提案製品|product|productname|products"
        "|solution|produkt",
        "created_on": "作成日|作成日時|登録日|登録日時|案件登録日|案件発生日|発生日|商談開始日|商談作成日"
        "|取引作成日|初回商談日"
        "|引合日|created|createddate|createdate|createdon|createdat|datecreated|dealcreated|opened|openedon|startdate"
        "|engagedate|addtime|erstellt|erstelltam|angelegt|angelegtam|erstelldatum|anlagedatum|erstellungsdatum",
        "closed_on": "完了日|クローズ日|受注日|失注日|受注失注日|確定日|成約日|決着日|終了日|完了予定日|受注予定日"
        "|クローズ予定日|成約予定日|closed|closedate|closeddate|closedon|closedat|dateclosed|dealclosedon"
        "|actualclosedate"
        "|expectedclosedate|estclosedate|closingdate"
        "|abgeschlossen|abgeschlossenam|abschlussdatum|geschlossen|geschlossenam|schlusstermin",
        "last_activity_at": "最終活動日|最終活動日時|最終活動|最終接触日|最終対応日|最終アクティビティ日"
        "|最終アクティビティー日"
        "|最終コンタクト日|最終コンタクト日時|最終連絡日|最終訪問日|最終商談日|前回活動日|前回接触日"
        "|lastcontacted|lastcontactdate|lastcontact|lastactivity|lastactivitydate|lastactivityat|lasttouch"
        "|lasttouchdate"
        "|lastcontactedon|noteslastcontacted|letzteaktivität|letzterkontakt|letztekontaktaufnahme",
        "lost_reason": "失注理由|失注の理由|失注原因|敗因|失注要因|失注分類|失注理由分類|クローズした失注の理由"
        "|lostreason|lossreason|closedlostreason|closelostreason|reasonlost|reasonforloss|reasonforlosing"
        "|lostreasoncode|whylost|reasonclosed|dealclosedlostreason|primarylossreason"
        "|verlustgrund|absagegrund|ablehnungsgrund|grund",
        "lost_note": "失注メモ|失注詳細|失注理由詳細|失注理由備考|失注コメント|失注理由その他|備考|メモ|コメント"
        "|lostnote|lostnotes|lossdetails|lossnotes|lostcomments|lostreasondetails|lossreasondetails|lossreasonnotes"
        "|lostreasonnotes|comments|notes"
        "|bemerkung|bemerkungen|notiz|kommentar",
        "need_type": "ニーズ種別|ニーズタイプ|needtype",
        "next_approach_on": "次回アプローチ日|次回接触日|次回連絡日|再アプローチ日|次回アクション日|次回フォロー日"
        "|次回アクション予定日|次回対応日|次回連絡予定日|nextapproach|nextapproachdate|nextcontactdate|nextstepdate"
        "|followupdate|followupon|nextactiondate|reapproachdate|recontactdate"
        "|nächsterkontakt|wiedervorlage|nächsteransprache",
        "approach_person": "アプローチ担当|アプローチ担当者|次回担当|再アプローチ担当|次回担当者|次回アクション担当"
        "|approachperson|followupowner|nextapproachby",
        "hook": "フック|きっかけ|次回ネタ|アプローチのきっかけ|次回アクション|次回アクション内容|hook|nextstep"
        "|nextsteps"
        "|nextaction|aufhänger|anlass|nächsterschritt",
        "competitor": "競合|競合他社|競合先|競合会社|失注先|競合企業|competitor|competitors|maincompetitors"
        "|maincompetitor"
        "|lostto|losttocompetitor|primarycompetitor|wettbewerber|mitbewerber",
        "contract_ends_on": "契約終了日|契約満了日|契約更新日|競合契約終了日|競合契約満了日|現契約終了日"
        "|現行契約終了日"
        "|contractend|contractenddate|contractendson|renewaldate|contractends|competitorcontractend"
        "|vertragsende|vertragsablauf",
    },
    Table.ACTIVITIES: {
        **_IDS,
        "activity_id": f"活動id|活動番号|activityid|engagementid|taskid|{_OWN_ID}",
        "at": "日時|活動日|活動日時|実施日|実施日時|対応日|対応日時|訪問日|商談日|日付|年月日|アクティビティー日"
        "|at|activitydate|date|completeddatetime|completeddate|completedat|datetime|occurredat|duedate|期日|createdat"
        "|createddate|created|createdate|timestamp|propertyhstimestamp|hstimestamp|donetime|markedasdonetime"
        "|starttime"
        "|datum|zeitpunkt",
        "kind": "種別|活動種別|活動タイプ|活動区分|活動内容区分|種類|区分|対応方法|手段|アクティビティータイプ"
        "|活動分類"
        "|type|activitytype|tasksubtype|engagementtype|tasktype|kind|channel|art|typ|aktivitätstyp",
        "automatic": "自動|automatic|automated|isautomated",
        "bulk": "一斉配信id|bulkid|bulk",
        "done": "完了|実施済|完了フラグ|isclosed|done|completed|iscompleted",
    },
    Table.CONTACTS: {
        **_IDS,
        "contact_id": f"{_CONTACT_ID}|{_OWN_ID}",
        "opted_out": "配信停止|オプトアウト|メール送信除外|メール配信停止|メルマガ配信停止|配信不可|optedout"
        "|optout|emailoptout"
        "|unsubscribed|unsubscribedfromallemail|hasoptedoutofemail|donotemail|donotcontact|abgemeldet|werbesperre",
        "bounced": "不達|バウンス|bounced|emailbounced|hardbounced|invalidemail",
    },
    Table.ACCOUNTS: {
        **_IDS,
        "account_id": f"{_ACCOUNT_ID}|{_OWN_ID}|name|domain",
        "country": "国|国コード|countrycode|country|billingcountrycode|billingcountry|shippingcountry|countryregion"
        "|land|ländercode",
        "timezone": "タイムゾーン|timezone",
        "fiscal_year": "決算月|会計年度|年度開始月|fiscalyear|fiscalyearend|fiscalyearstart|geschäftsjahr"
        "|geschäftsjahresbeginn",
        "contract_ends_on": "契約終了日|契約満了日|契約更新日|contractend|contractenddate|renewaldate|vertragsende",
    },
    Table.SIGNALS: {
        **_IDS,
        "kind": "種別|イベント|行動|アクション|kind|event|eventtype|type|action",
        "at": "日時|発生日時|閲覧日時|クリック日時|at|date|timestamp|occurredat|eventdate|eventtime|createdat",
    },
    Table.HISTORY: {
        **_IDS,
        "field": "項目|変更項目|フィールド|field|fieldevent|property|propertyname|column",
        "value": "変更後|新しい値|新値|値|newvalue|value|tovalue",
        "at": "変更日|変更日時|編集日|日時|at|editdate|changedat|createddate|createdat|modifiedat|timestamp|date",
    },
}
"""Our column → what exports call it, between bars."""

SIGNS: Mapping[Table, str] = {
    Table.DEALS: "確度|受注確度|probability|dealtype|leadsource|dealprobability|forecastcategory|商談タイプ"
    "|isclosed|iswon",
    Table.ACTIVITIES: "活動内容|内容|対応内容|calloutcome|meetingoutcome|activityowner|calldurationinseconds"
    "|callduration"
    "|taskstatus|taskduedate|callmeetingtitlesubject|notesdescription|活動担当者|whatid|whoid|訪問先|subject",
    Table.CONTACTS: "firstname|lastname|jobtitle|phone|phonenumber|mobilephone|mobilephonenumber|氏名|姓|名"
    "|役職|部署|電話番号"
    "|lifecyclestage|vorname|nachname|mobile|title|salutation|department|携帯電話",
    Table.ACCOUNTS: "industry|sector|employees|numberofemployees|annualrevenue|website|companydomainname|業種"
    "|従業員数"
    "|資本金|revenue|yearestablished|officelocation|headquarters|住所|本社所在地|annualrevenueusd|branche"
    "|billingcity",
    Table.SIGNALS: "url|page|ページ|campaign|メルマガ|referrer",
    Table.HISTORY: "oldvalue|変更前|古い値|旧値|editedby|変更者|fromvalue",
}
"""Headings that tell what a file lists, though nothing of ours is filled from them."""

FILE_NAMES: Mapping[Table, str] = {
    Table.HISTORY: "history|変更履歴|項目履歴|fieldhistory",
    Table.SIGNALS: "signal|click|visit|webinar|閲覧|クリック|行動",
    Table.ACTIVITIES: "activit|engagement|task|call|meeting|活動|対応履歴|コール|訪問|日報|行動履歴",
    Table.DEALS: "deal|opportunit|pipeline|商談|案件|取引一覧|取引データ|引合",
    Table.CONTACTS: "contact|people|person|lead|責任者|担当者|連絡先|コンタクト|リード|名刺",
    Table.ACCOUNTS: "account|compan|organi|customer|client|取引先|会社|企業|顧客",
}
"""What the name of a file may hold; of two the first one counts."""

CLOSING: Mapping[str, str] = {
    "won": "iswon|isclosedwon|closedwon",
    "lost": "isclosedlost|closedlost",
    "closed": "isclosed|isdealclosed",
}
"""Columns of yes and no by which a system itself says what a deal's stage means."""
