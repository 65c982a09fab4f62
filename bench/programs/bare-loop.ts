import { Pool } from 'undici';
import { addressOf, bodyOf } from '../inputs.js';
import { benchNotes } from '../notes.js';

// The yardstick: what Node can do with nothing around it. The notes are in memory before the clock starts: no CSV, no checks, no ledger, no retries.

const [url = '', rows = '0', connections = '1'] = process.argv.slice(2);
const requests = Array.from(benchNotes(Number(rows)), (note) => ({ path: new URL(addressOf(url, note)).pathname, body: bodyOf(note) }));
const pool = new Pool(url, { connections: Number(connections), pipelining: 1 });
const headers = { authorization: 'key', 'content-type': 'application/json', accept: 'application/json' };
let next = 0;
let created = 0;

async function sendOnes(): Promise<void> {
  for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
    const { statusCode, body } = await pool.request({ path: request.path, method: 'POST', headers, body: request.body });
    const answer = (await body.json()) as { readonly data: { readonly id: string } };
    if (statusCode === 201 && answer.data.id !== '') created++;
  }
}

const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
await Promise.all(Array.from({ length: Number(connections) }, sendOnes));
const { user, system } = process.cpuUsage(cpuBefore);
console.log(JSON.stringify({ rows: created, seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1e6 }));
await pool.close();
