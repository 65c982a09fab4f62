import { writeFileSync } from 'node:fs';
import type { Claim, ClaimAnswer, KnownNote, Ledger, RunRecord } from '../../src/ledger/ledger.js';
import type { WriteMode } from '../../src/ledger/sqlite.js';
import type { Fingerprint, NoteKey } from '../../src/model.js';

/** As much of a ledger as an import needs in which nothing goes wrong, in maps: what the import would cost without a real one. */
export function openLedger({ path, runId }: WriteMode): Ledger {
  // The run watches that its ledger's file isn't taken away.
  writeFileSync(path, '');
  const notes: KnownNote[] = [];
  const keys = new Map<Fingerprint, number>();
  const runs = new Map<string, RunRecord>();

  const known = (fingerprint: Fingerprint): KnownNote | null => notes[keys.get(fingerprint) ?? -1] ?? null;

  const claim = ({ fingerprint, inputHash, row }: Claim): ClaimAnswer => {
    const note = known(fingerprint);
    if (note !== null) return { kind: 'known', note };
    // Keys are positions: nothing else makes one here.
    const key = notes.length as NoteKey;
    keys.set(fingerprint, key);
    const unanswered = { memoryId: null, createdAt: null, how: null, attempts: 0, failure: null };
    notes.push({ key, state: 'claimed', runId, row, inputHash, ...unanswered });
    return { kind: 'claimed', key, doubtedSince: null, doubtedSkewMs: null };
  };

  const used = {
    wasEmpty: true,
    hadCreated: false,
    shared: null,
    lookup: async (fingerprints) => fingerprints.map(known),
    async commit({ claims, transitions }) {
      for (const step of transitions) {
        if (step.to !== 'created') continue;
        const { key, memoryId, createdAt, how, attempts } = step;
        notes[key] = { ...notes[key]!, state: 'created', memoryId, createdAt, how, attempts };
      }
      return claims.map(claim);
    },
    openNotes: async () => [],
    openUndos: async () => [],
    contactOf: async () => null,
    closingNotes: async () => [],
    contact: async () => ({ memoryIds: new Set(), newest: null, unidentified: [] }),
    largestContact: async () => null,
    async saveRun(run) {
      runs.set(run.runId, run);
    },
    runs: async () => [...runs.values()],
    run: async (id) => runs.get(id) ?? null,
    close: async () => {},
  } satisfies Partial<Ledger>;
  // What an import never asks for is missing: it would be a TypeError, seen at once.
  return used as unknown as Ledger;
}

/** Nobody reads while an import runs. */
export function openLedgerToRead(): null {
  return null;
}

/** A large input's ledger has a thread of its own: what only remembers needs none. */
export const openLedgerInThread = openLedger;
