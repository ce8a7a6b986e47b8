// Reads one JSON string a line and answers true or false: is it SOQL?
import { createInterface } from 'node:readline';
import { isQueryValid } from '@jetstreamapp/soql-parser-js';

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(isQueryValid(JSON.parse(line))) + '\n');
}
