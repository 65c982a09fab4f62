import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import pLimit from 'p-limit';
import pRetry, { AbortError } from 'p-retry';

// What one writes in an afternoon, and well: csv-parse, fetch, p-limit, p-retry, every row queued. No ledger: run twice, it imports twice.

interface Row {
  readonly contactId: string;
  readonly name: string;
  readonly text: string;
}

const [csv = '', url = '', connections = '1'] = process.argv.slice(2);
const limit = pLimit(Number(connections));
const sent: Promise<string>[] = [];

async function create({ contactId, name, text }: Row): Promise<string> {
  const response = await fetch(`${url}/contacts/${encodeURIComponent(contactId)}/memories`, {
    method: 'POST',
    headers: { authorization: 'key', 'content-type': 'application/json' },
    body: JSON.stringify({ name, text }),
    signal: AbortSignal.timeout(30_000),
  });
  if (response.status === 429 || response.status >= 500) throw new Error(`answered ${response.status}`);
  if (!response.ok) throw new AbortError(`refused with ${response.status}`);
  const answer = (await response.json()) as { readonly data: { readonly id: string } };
  return answer.data.id;
}

for await (const row of createReadStream(csv).pipe(parse({ columns: true, bom: true }))) {
  sent.push(limit(() => pRetry(() => create(row as Row), { retries: 5 })));
}
const results = await Promise.allSettled(sent);
console.log(JSON.stringify({ rows: results.filter(({ status }) => status === 'fulfilled').length }));
