import { dirname } from 'node:path';
import { realClock } from './clock.js';
import { OptionsError, StoppedError } from './errors.js';
import type { Ledger, RunRecord } from './ledger/ledger.js';
import { openLedgerToRead } from './ledger/open.js';
import type { VerifySummary, VerifyVerdict } from './model-after-run.js';
import { wholeNumber } from './option-values.js';
import { type ImportOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { createRunFolder } from './report/run-folder.js';
import { openVerifyFile, type VerifyFile } from './report/table-file.js';
import { type CheckedContact, checkContacts } from './run/check-contacts.js';
import { type Connection, connect } from './run/connection.js';
import { type ContactGroup, contactGroups, drawSample, type Sample } from './run/contact-groups.js';
import { type AfterRunHooks, type AfterRunOptions, findRun } from './run/known-run.js';

export type VerifyOptions = AfterRunOptions &
  Pick<ImportOptions, 'reconcileWait'> & {
    /** Check so many contacts only, chosen at random. */
    readonly sample?: number | string;
    /** Another seed chooses other contacts. Default 1. */
    readonly seed?: number | string;
  };

/**
 * Checks in the API that every memory which the run created or recovered is there, as it was sent. Reads the ledger without its lock, so
 * also while an import runs; changes nothing but `verify.csv` in the run's folder.
 *
 * @returns the summary, also where it stopped by itself or was interrupted (`status`)
 * @throws UserError (and OptionsError) where it can't start, for instance for a run that the ledger doesn't know
 */
export async function verifyRun(runId: string, options: VerifyOptions = {}, hooks: AfterRunHooks = {}): Promise<VerifySummary> {
  const clock = hooks.clock ?? realClock;
  const startedAt = clock.now();
  const { sample, seed, ...rest } = options;
  const resolved = resolveOptions(rest, hooks.env ?? process.env, { key: true, inputs: false });
  const sampling = parseSampling(sample, seed);
  const { baseUrl, apiKey, sameAccount } = resolved;
  const ledger = await openLedgerToRead(resolved, { baseUrl: baseUrl.href, apiKey, sameAccount });
  try {
    const run = await findRun(ledger, resolved.ledger, runId);
    // Without a ledger there is no run.
    const opened = ledger as Ledger;
    const file = await openVerifyFile(await createRunFolder(dirname(run.out), run.runId));
    const connection = connect({ options: resolved, hooks, ledger: opened, clock });
    try {
      return await verify({ run, ledger: opened, options: resolved, sampling, file, connection, startedAt, onProgress: hooks.onProgress });
    } finally {
      await connection.close();
      await file.discard();
    }
  } finally {
    await ledger?.close();
  }
}

interface Verification {
  readonly run: RunRecord;
  readonly ledger: Ledger;
  readonly options: ResolvedOptions;
  readonly sampling: { readonly size: number; readonly seed: number } | null;
  readonly file: VerifyFile;
  readonly connection: Connection;
  readonly startedAt: number;
  readonly onProgress: AfterRunHooks['onProgress'];
}

async function verify(verification: Verification): Promise<VerifySummary> {
  const { run, ledger, options, sampling, file, connection, startedAt, onProgress } = verification;
  const { halt } = connection;
  const tally = await ledger.createdTally(run.runId);
  const sample = sampling === null ? null : await drawSample(contactGroups(ledger, run.runId), sampling);
  const verdicts: Record<VerifyVerdict, number> = {
    match: 0,
    missing: 0,
    altered: 0,
    twice: 0,
    contact_gone: 0,
    unproven: 0,
    unknown: 0,
  };
  const contacts = { listed: 0, gone: 0, failed: 0 };
  let checked = 0;
  const of = sample?.notes ?? tally.notes;
  onProgress?.({ done: 0, of });

  const take = async ({ list, notes }: CheckedContact): Promise<void> => {
    contacts[list]++;
    for (const { verdict } of notes) verdicts[verdict]++;
    checked += notes.length;
    onProgress?.({ done: checked, of });
    await file.write(notes).catch(unwritable);
  };
  await checkContacts({
    groups: sample === null ? contactGroups(ledger, run.runId) : sampled(contactGroups(ledger, run.runId), sample),
    connection,
    ledger,
    concurrency: options.concurrency,
    believedFrom: (run.finishedAt === null ? startedAt : Date.parse(run.finishedAt)) + options.reconcileWaitMs,
    take,
  });

  const isSample = sample !== null && sample.contacts < sample.ofContacts;
  const extent = halt.reason !== null ? 'incomplete' : isSample ? 'sample' : 'whole';
  const path = await file.publish(extent).catch((error: unknown) => {
    halt.stop(asUnwritable(error));
    return null;
  });
  const ok = halt.reason === null && verdicts.match === checked && tally.inDoubt === 0;
  const { contact_gone: contactGone, ...counts } = verdicts;
  return {
    ...connection.ending(run.runId, startedAt, ok),
    ok,
    counts: { checked, ...counts, contactGone, inDoubt: tally.inDoubt, undone: tally.undone },
    contacts,
    sample: isSample && sampling !== null ? { contacts: sample.contacts, ofContacts: sample.ofContacts, seed: sampling.seed } : null,
    requests: connection.requests(),
    files: path === null ? {} : { verify: path },
  };
}

async function* sampled(groups: AsyncIterable<ContactGroup>, sample: Sample): AsyncGenerator<ContactGroup> {
  for await (const group of groups) if (sample.includes(group)) yield group;
}

function unwritable(error: unknown): never {
  throw asUnwritable(error);
}

function asUnwritable(error: unknown): StoppedError {
  const detail = error instanceof Error ? error.message : String(error);
  return new StoppedError('report_files', `verify.csv can't be written: ${detail}. Make room and verify again.`, true, { cause: error });
}

function parseSampling(sample: unknown, seed: unknown): { size: number; seed: number } | null {
  const problems: string[] = [];
  const parse = (flag: string, min: number, found: unknown): number => {
    const parsed = wholeNumber(min, Number.MAX_SAFE_INTEGER)(found, (expected) => {
      problems.push(`${flag}: expected ${expected}, found ${JSON.stringify(found)}`);
      return undefined;
    });
    return parsed ?? 0;
  };
  const size = sample === undefined ? null : parse('--sample', 1, sample);
  const drawn = parse('--seed', 0, seed ?? 1);
  if (seed !== undefined && sample === undefined) problems.push('--seed: it chooses a sample, and needs --sample');
  if (problems.length > 0) throw new OptionsError(problems);
  return size === null ? null : { size, seed: drawn };
}
