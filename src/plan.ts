import { hash } from 'node:crypto';
import { hasChanged } from './dispatch/known.js';
import { createDistinctSet, type DistinctSet } from './distinct-set.js';
import { StoppedError } from './errors.js';
import type { ImportHooks } from './import.js';
import type { KnownNote, Ledger } from './ledger/ledger.js';
import { openLedgerToRead } from './ledger/open.js';
import { withOccurrence } from './map/fingerprint.js';
import { countCodePoints } from './map/schema.js';
import type { Draft, FailureClass, Fingerprint, RowFailure, SourceRow } from './model.js';
import { FAILURE_COUNT_NAMES, rowLabel } from './model.js';
import type { Plan } from './model-plan.js';
import { type ImportOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { emptyCounts } from './report/summary.js';
import { unknownContactOf } from './report/unknown-contacts.js';
import { createFindings } from './run/findings.js';
import { type Intake, openIntake } from './run/intake.js';
import { lostParts } from './run/part-ids.js';
import { prepareRows } from './run/rows.js';
import { readAs } from './run/tell-profiles.js';
import { undatedRows } from './run/tell-undated.js';

const EXAMPLES_PER_CLASS = 3;
const USUAL_RATES = [10, 50, 200];

/**
 * Reads everything, asks the ledger, sends nothing and changes nothing.
 * @throws UserError as `importMemories` does; no key is needed
 */
export async function planImport(
  options: ImportOptions,
  hooks: Pick<ImportHooks, 'signal' | 'stdin' | 'env' | 'onEvent'> = {},
): Promise<Plan> {
  const resolved = resolveOptions(options, hooks.env ?? process.env, { key: false, inputs: true });
  const { baseUrl, apiKey, sameAccount } = resolved;
  const ledger = await openLedgerToRead(resolved, { baseUrl: baseUrl.href, apiKey: apiKey === '' ? null : apiKey, sameAccount });
  try {
    const intake = await openIntake(resolved, { stdin: hooks.stdin, emit: hooks.onEvent });
    try {
      return await countRows({ resolved, intake, ledger, signal: hooks.signal ?? new AbortController().signal });
    } finally {
      await intake.close();
    }
  } finally {
    await ledger?.close();
  }
}

interface Counting {
  readonly resolved: ResolvedOptions;
  readonly intake: Intake;
  readonly ledger: Ledger | null;
  readonly signal: AbortSignal;
}

async function countRows({ resolved, intake, ledger, signal }: Counting): Promise<Plan> {
  const counts = { ...emptyCounts(), toCreate: 0, toLookFor: 0 };
  const longest = { name: 0, text: 0 };
  const examples: { class: FailureClass; row: string; line: number; message: string }[] = [];
  const contacts = createDistinctSet();
  const unknownContacts = createDistinctSet();
  const subOrgs = new Set<string>();
  const identify = createIdentifier(resolved.duplicates);
  const findings = createFindings({ intake, accept: resolved.accept });

  const fail = (source: SourceRow, failure: RowFailure): void => {
    counts.failed++;
    counts.failures[FAILURE_COUNT_NAMES[failure.class]]++;
    const unknown = unknownContactOf(failure);
    if (unknown !== null) unknownContacts.add(hash('sha256', unknown));
    if (examples.filter((example) => example.class === failure.class).length >= EXAMPLES_PER_CLASS) return;
    examples.push({ class: failure.class, row: rowLabel(source, intake.inputs.length), line: source.line, message: failure.message });
  };

  const count = async (draft: Draft, note: KnownNote | null): Promise<void> => {
    const lost = note?.state === 'created' && ledger !== null ? await lostParts(ledger, draft) : 0;
    if (lost > 0) {
      counts.toCreate++;
      memories += lost;
      return;
    }
    switch (note?.state) {
      case 'created':
        counts.alreadyImported++;
        if (hasChanged(draft, note)) counts.changed++;
        return;
      case 'claimed':
      case 'sending':
      case 'in_doubt':
        counts.toLookFor++;
        return;
      default:
        counts.toCreate++;
        memories += draft.parts?.length ?? 1;
    }
  };

  let memories = 0;
  let stoppedBecause: string | null = null;
  try {
    for await (const batch of prepareRows(intake, resolved.limit).batches(signal)) {
      const asked: { draft: Draft; fingerprint: Fingerprint }[] = [];
      findings.add(batch);
      for (const row of batch) {
        counts.rows++;
        if (row.kind === 'failed') {
          fail(row.source, row.failure);
          continue;
        }
        if (row.kind === 'filtered') {
          counts.filtered++;
          continue;
        }
        const { draft, base } = row;
        longest.name = Math.max(longest.name, countCodePoints(draft.name));
        longest.text = Math.max(longest.text, countCodePoints(draft.text));
        contacts.add(hash('sha256', draft.contactId));
        if (draft.subOrg !== null) subOrgs.add(draft.subOrg);
        const fingerprint = identify(draft, base);
        if (fingerprint === null) counts.duplicate++;
        else asked.push({ draft, fingerprint });
      }
      const known = await lookup(
        ledger,
        asked.map(({ fingerprint }) => fingerprint),
      );
      for (const [i, { draft }] of asked.entries()) await count(draft, known[i] ?? null);
    }
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
    stoppedBecause = error.message;
  }
  const rates = resolved.rate === null ? USUAL_RATES : [resolved.rate];
  return {
    inputs: resolved.inputs,
    counts,
    memories,
    undated: undatedRows(intake),
    examples,
    distinct: { contacts: contacts.size, subOrgs: subOrgs.size, unknownContacts: unknownContacts.size },
    longest,
    expected: rates.map((requestsPerSecond) => ({ requestsPerSecond, seconds: Math.ceil(memories / requestsPerSecond) })),
    ledger: { path: resolved.ledger, exists: ledger !== null },
    readAs: readAs(intake),
    findings: findings.list(),
    refusedFor: [...new Set(findings.refused().map(({ finding }) => finding))],
    warnings: intake.warnings,
    stoppedBecause,
  };
}

async function lookup(ledger: Ledger | null, fingerprints: readonly Fingerprint[]): Promise<readonly (KnownNote | null)[]> {
  return ledger === null ? [] : ledger.lookup(fingerprints);
}

/** Tells which note a row is, among identical ones; null for a duplicate that would be skipped. */
function createIdentifier(duplicates: 'skip' | 'create'): (draft: Draft, base: Fingerprint) => Fingerprint | null {
  const seen: DistinctSet = createDistinctSet();
  const occurrences = new Map<Fingerprint, number>();
  return (draft, base) => {
    if (seen.add(draft.fingerprint)) return draft.fingerprint;
    if (duplicates === 'skip') return null;
    for (;;) {
      const occurrence = (occurrences.get(base) ?? 1) + 1;
      occurrences.set(base, occurrence);
      const fingerprint = withOccurrence(base, occurrence);
      if (seen.add(fingerprint)) return fingerprint;
    }
  };
}
