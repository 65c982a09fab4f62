import { createHash } from 'node:crypto';
import type { Claim, ClaimAnswer, Transition } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/sqlite.js';
import type { Fingerprint, NoteKey, RunId } from '../../src/model.js';

// Makes a ledger that knows so many notes, all created, by the ledger's own verbs: what years of nightly imports leave.

const [path = '', notes = '0', baseUrl = ''] = process.argv.slice(2);
const BATCH = 4096;

const runId = '20200101T000000Z-0000' as RunId;
const ledger = openLedger({
  path,
  runId,
  what: 'the benchmark fills it',
  target: { baseUrl, apiKey: 'key' },
  sameAccount: false,
  now: Date.now,
});
let done: Transition[] = [];
for (let from = 0; from < Number(notes); from += BATCH) {
  const claims: Claim[] = [];
  for (let i = from; i < Math.min(from + BATCH, Number(notes)); i++) {
    const hash = createHash('sha256').update(`filled ${i}`).digest('hex');
    claims.push({
      fingerprint: hash as Fingerprint,
      contactId: `C-${100_000 + (i % (Number(notes) / 10))}`,
      subOrg: null,
      sentHash: hash,
      inputHash: null,
      row: String(i + 1),
      claimedAt: Date.now(),
      skewMs: 0,
      takeDoubt: false,
    });
  }
  const answers = await ledger.commit({ claims, transitions: done, failures: [] });
  done = answers.map((answer, i) => created(keyOf(answer), from + i));
}
await ledger.commit({ claims: [], transitions: done, failures: [] });
await ledger.close();

function keyOf(answer: ClaimAnswer): NoteKey {
  if (answer.kind === 'busy') throw new Error('a ledger that nobody shares is never busy');
  return answer.kind === 'claimed' ? answer.key : answer.note.key;
}

function created(key: NoteKey, index: number): Transition {
  const createdAt = '2020-01-01T00:00:00.000Z';
  return { key, to: 'created', memoryId: `old_${index}`, createdAt, how: 'created', attempts: 1, closingLook: false };
}
