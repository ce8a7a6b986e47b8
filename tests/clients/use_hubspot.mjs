// Walks through the HubSpot sandbox with HubSpot's own client for Node. Arguments: url, token, deal id, contact id.
// Prints one JSON document of what it saw; what is wrong with it is for the test to say.
import { Client } from '@hubspot/api-client';

const [url, accessToken, deal, contact] = process.argv.slice(2);
const { crm } = new Client({ basePath: url, accessToken, numberOfApiCallRetries: 0 });
const seen = {};

const deals = await crm.deals.getAll(10, undefined, ['dealname', 'closed_lost_reason'], undefined, ['contacts']);
seen.deals = deals.length;
seen.dates = deals.every((one) => one.createdAt instanceof Date && !Number.isNaN(one.createdAt.getTime()));
seen.linked = deals[0].associations.contacts.results[0].type;

const found = await crm.deals.searchApi.doSearch({
  filterGroups: [{ filters: [{ propertyName: 'dealstage', operator: 'EQ', value: 'closedlost' }] }],
  sorts: ['-hs_object_id'], properties: ['dealname'], limit: 5, after: '0',
});
seen.search = [found.total, found.results.length, found.paging.next.after];

const task = {
  properties: { hs_timestamp: '2027-04-01T00:00:00Z', hs_task_subject: 'Call', recycle_key: 'node-1' },
  associations: [{ to: { id: deal }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 216 }] }],
};
const made = await crm.objects.batchApi.create('tasks', { inputs: [task] });
seen.made = [made.status, made.results.length];
const read = await crm.objects.batchApi.read('tasks', {
  inputs: [{ id: 'node-1' }], idProperty: 'recycle_key', properties: ['hs_task_subject'], propertiesWithHistory: [],
});
seen.read = read.results[0].properties.hs_task_subject;

const links = await crm.associations.v4.batchApi.getPage('deals', 'tasks', { inputs: [{ id: deal }] });
seen.links = String(links.results[0].to[0].toObjectId) === made.results[0].id;

const updated = await crm.deals.batchApi.update({
  inputs: [
    { id: deal, objectWriteTraceId: 'a', properties: { recycle_track: 'timing' } },
    { id: '1', objectWriteTraceId: 'b', properties: { recycle_track: 'timing' } },
  ],
});
seen.updated = [updated.results.length, updated.numErrors, updated.errors[0].category];

const properties = await crm.properties.coreApi.getAll('deals');
seen.property = properties.results.find((one) => one.name === 'hs_is_closed').modificationMetadata.readOnlyValue;
const pipelines = await crm.pipelines.pipelinesApi.getAll('deals');
seen.lost = pipelines.results[0].stages.find((one) => one.id === 'closedlost').metadata;
const owners = await crm.owners.ownersApi.getPage();
seen.owners = owners.results.length;

const list = await crm.lists.listsApi.create({ name: 'Node', objectTypeId: '0-1', processingType: 'MANUAL' });
const added = await crm.lists.membershipsApi.add(list.list.listId, [contact]);
seen.added = added.recordsIdsAdded ?? added.recordIdsAdded;

try {
  await crm.deals.basicApi.getById('1');
} catch (error) {
  seen.missing = [error.code, error.body.category];
}
process.stdout.write(JSON.stringify(seen));
