// Works on a sandbox as a program of somebody else would, and prints what it saw as JSON.
import jsforce from 'jsforce';

const { url, token, key, secret, username, password, deals } = JSON.parse(process.argv[2]);
const seen = {};
const codeOf = async (work) => { try { await work(); return null; } catch (error) { return error.errorCode ?? error.message; } };

const conn = new jsforce.Connection({ instanceUrl: url, accessToken: token, version: '64.0' });
const first = await conn.query('SELECT Id, Account.Name, (SELECT ContactId FROM OpportunityContactRoles) FROM Opportunity ORDER BY Id');
seen.first = { total: first.totalSize, done: first.done, rows: first.records.length };
seen.second = (await conn.queryMore(first.nextRecordsUrl)).records.length;
seen.all = (await conn.query('SELECT Id FROM Opportunity ORDER BY Id').run({ autoFetch: true, maxFetch: 1000 })).records.length;
seen.built = await conn.sobject('Opportunity')
  .find({ Amount: { $gt: 3 }, CloseDate: { $gte: jsforce.SfDate.toDateLiteral('2020-01-01') } }, 'Id, Amount').sort('-Amount').limit(2);
seen.described = (await conn.sobject('Opportunity').describe()).fields.some((field) => field.name === 'Recycle_Track__c');
seen.global = (await conn.describeGlobal()).sobjects.some((each) => each.name === 'Task');
seen.updated = await conn.sobject('Opportunity').update([{ Id: deals[0], NextStep: 'x' }, { Id: deals[1], NextStep: 'y'.repeat(256) }]);
const tasks = [{ Recycle_Key__c: 'k1', WhatId: deals[0], Subject: 'call' }, { Recycle_Key__c: 'k2', WhatId: deals[1], Subject: 'mail' }];
seen.upserted = await conn.sobject('Task').upsert(tasks, 'Recycle_Key__c');
seen.again = await conn.sobject('Task').upsert(tasks, 'Recycle_Key__c');
seen.created = await conn.sobject('Task').create({ Subject: 'one' });
seen.task = (await conn.sobject('Task').retrieve(seen.created.id)).Status;
seen.deleted = (await conn.sobject('Task').destroy(seen.created.id)).success;
seen.refused = await codeOf(() => conn.query('SELECT Nope FROM Opportunity'));
seen.malformed = await codeOf(() => conn.query('SELECT'));
seen.limit = (await conn.limits()).DailyApiRequests.Max;
seen.usage = conn.limitInfo?.apiUsage?.limit;
seen.who = (await conn.identity()).user_id;
seen.made = await conn.tooling.sobject('CustomField').create(
  { FullName: 'Opportunity.Made__c', Metadata: { type: 'Text', label: 'Made', length: 20 } });

conn.bulk2.pollInterval = 5;
conn.bulk2.pollTimeout = 20000;
const rows = await (await conn.bulk2.query('SELECT Id, Loss_Note__c FROM Opportunity ORDER BY Id')).toArray();
seen.bulk = { rows: rows.length, note: rows[0].Loss_Note__c };
const loaded = await conn.bulk2.loadAndWaitForResults({
  object: 'Opportunity', operation: 'update',
  input: [{ Id: deals[0], NextStep: 'a\n"b"' }, { Id: deals[1], NextStep: 'z'.repeat(256) }],
});
seen.ingest = {
  done: loaded.successfulResults.map((row) => row.sf__Id),
  failed: loaded.failedResults.map((row) => row.sf__Error.split(':')[0]),
  unprocessed: loaded.unprocessedRecords.length,
};

const oauth = new jsforce.Connection({ instanceUrl: url, loginUrl: url, version: '64.0', oauth2: { clientId: key, clientSecret: secret, loginUrl: url } });
await oauth.authorize({ grant_type: 'client_credentials' });
seen.authorized = (await oauth.query('SELECT COUNT() FROM Opportunity')).totalSize;
const soap = new jsforce.Connection({ loginUrl: url, version: '64.0' });
await soap.login(username, password);
seen.loggedIn = (await soap.query('SELECT COUNT() FROM Opportunity')).totalSize;
seen.wrongPassword = await codeOf(() => new jsforce.Connection({ loginUrl: url, version: '64.0' }).login(username, 'x'));

console.log(JSON.stringify(seen));
