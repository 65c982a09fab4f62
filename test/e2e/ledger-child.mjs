// A process that uses the built ledger as an import does, and can be killed at any moment. It tells on stdout what was acknowledged as
// durable, a line each, written before anything else happens. Started by the ledger tests of this folder; see `ledger-process.ts`.
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';

/** @type {import('./ledger-process.ts').ChildJob} */
const job = JSON.parse(process.argv[2]);
const { openLedger, openLedgerToRead } = await import(job.module);
if (job.uid !== undefined) {
  process.setgid(job.uid);
  process.setuid(job.uid);
}

const say = (line) => writeSync(1, `${line}\n`);
const open = () =>
  openLedger({
    path: job.path,
    runId: job.runId,
    what: job.what ?? 'import notes.csv',
    target: { baseUrl: 'https://api.example.test/', apiKey: 'a key' },
    sameAccount: false,
    now: Date.now,
    tailLength: job.tailLength,
  });

const jobs = { hold, holdTwice, loop };
try {
  await jobs[job.kind]();
} catch (error) {
  say(`error ${error.name}: ${error.message.replaceAll('\n', ' ')}`);
}

async function hold() {
  const ledger = open();
  say('open');
  await untilStdinEnds();
  await ledger.close();
  say('closed');
}

/** A second opening in the same process, and a reader: both end, and the first must still be held. */
async function holdTwice() {
  const ledger = open();
  try {
    await open().close();
    say('second opened');
  } catch (error) {
    say(`second ${error.name}`);
  }
  await openLedgerToRead(job.path).close();
  say('open');
  await untilStdinEnds();
  await ledger.close();
}

/** Claims a batch and settles the one before it in the same commit, again and again. */
async function loop() {
  const ledger = open();
  say('open');
  let previous = [];
  for (let batch = 0; batch < job.batches; batch++) {
    say(`try ${batch}`);
    const answers = await ledger.commit({
      claims: Array.from({ length: job.size }, (_, i) => claim(`${job.runId} ${batch} ${i}`)),
      transitions: previous.map(step).filter((one) => one !== null),
      failures: [{ input: 0, row: batch, target: 0, class: 'invalid', status: null, message: 'x', attempts: 0 }],
    });
    say(`ok ${batch}`);
    previous = answers.map(({ key }) => key);
  }
  await ledger.close();
  say('closed');
}

function claim(name) {
  const hash = createHash('sha256').update(`note ${name}`).digest('hex');
  const contactId = `contact ${name.length % 3}`;
  return {
    fingerprint: hash,
    contactId,
    subOrg: null,
    sentHash: hash,
    inputHash: null,
    row: name,
    claimedAt: Date.now(),
    takeDoubt: false,
  };
}

/** By its place in the batch a note is created, failed, released, in doubt, or left as it is. */
function step(key, place) {
  switch (place % 5) {
    case 0:
      return { key, to: 'created', memoryId: `m-${key}`, createdAt: null, how: 'created', attempts: 1, closingLook: false };
    case 1:
      return { key, to: 'failed', class: 'bad_request', status: 400, message: 'refused', attempts: 1, doubted: false };
    case 2:
      return { key, to: 'released', doubted: false };
    case 3:
      return { key, to: 'in_doubt', since: 5, message: 'lost', attempts: 1 };
    default:
      return null;
  }
}

function untilStdinEnds() {
  return new Promise((resolve) => process.stdin.on('end', resolve).resume());
}
