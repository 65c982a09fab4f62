import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from './errors.js';
import type { ImportHooks } from './import.js';
import type { KnownNote, Ledger, RunFailure, RunNote, RunRecord } from './ledger/ledger.js';
import { liveHolder } from './ledger/lock.js';
import { openLedgerToRead } from './ledger/sqlite.js';
import type { Counts, Fingerprint, NoteKey, Outcome, RunFiles, RunSummary, SettledRow, SourceInput } from './model.js';
import { type ImportOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { openCsvReports } from './report/csv-reports.js';
import { isRunId } from './report/run-folder.js';
import { writeSummary } from './report/summary.js';
import { type Intake, openIntake } from './run/intake.js';
import { type PreparedRow, prepareRows } from './run/rows.js';

/** A run, as `runs` lists it. */
export interface ListedRun {
  readonly runId: string;
  /** `killed`: it neither ended nor is it under way. */
  readonly status: RunRecord['status'] | 'killed';
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly inputs: readonly string[];
  readonly counts: Counts | null;
  /** The folder with its reports. */
  readonly out: string;
}

/** The runs that the ledger knows, the newest first. @throws UserError where the ledger can't be read */
export async function listRuns(
  options: ImportOptions,
  { env = process.env }: Pick<ImportHooks, 'env'> = {},
): Promise<readonly ListedRun[]> {
  const { ledger: path } = resolveOptions(options, env, { key: false, inputs: false });
  const ledger = openLedgerToRead(path);
  if (ledger === null) return [];
  try {
    const held = liveHolder(path) !== null;
    const runs = await ledger.runs();
    return runs.map(({ runId, status, startedAt, finishedAt, inputs, out, summary: result }, position) => ({
      runId,
      // Only the newest run can be the one that holds the ledger.
      status: status === 'running' && !(held && position === 0) ? 'killed' : status,
      startedAt,
      finishedAt,
      inputs: inputs.map((input) => input.path),
      counts: countsOf(result),
      out,
    }));
  } finally {
    await ledger.close();
  }
}

function countsOf(result: unknown): Counts | null {
  if (typeof result !== 'object' || result === null || !('counts' in result)) return null;
  return result.counts as Counts; // a RunSummary, written by `importMemories`
}

export interface RewrittenReports {
  readonly files: RunFiles;
  /** What couldn't be written, and why: sentences for a person. */
  readonly notes: readonly string[];
}

/**
 * Writes a run's reports again, from the ledger and, while they are unchanged, from its inputs: the ledger keeps no names and no texts.
 * @throws UserError where there is no such run
 */
export async function rewriteReports(
  runId: string,
  options: ImportOptions,
  { env = process.env }: Pick<ImportHooks, 'env'> = {},
): Promise<RewrittenReports> {
  const resolved = resolveOptions(options, env, { key: false, inputs: false });
  if (!isRunId(runId))
    throw new UserError(`'${runId}' isn't the id of a run; expected one like 20261123T030749Z-4f9a ('memory-import runs' lists them).`);
  const ledger = openLedgerToRead(resolved.ledger);
  try {
    const run = (await ledger?.run(runId)) ?? null;
    if (ledger === null || run === null)
      throw new UserError(`The ledger ${resolved.ledger} knows no run ${runId}; 'memory-import runs' lists them.`);
    const intake = await openUnchanged(run, resolved);
    try {
      return await rewrite({ run, ledger, intake });
    } finally {
      await intake.close?.();
    }
  } finally {
    await ledger?.close();
  }
}

interface Rewriting {
  readonly run: RunRecord;
  readonly ledger: Ledger;
  readonly intake: { readonly intake: Intake | null; readonly why: string | null; readonly options: Pick<ResolvedOptions, 'limit'> };
}

async function rewrite({ run, ledger, intake }: Rewriting): Promise<RewrittenReports> {
  const folder = run.out;
  const notes = intake.why === null ? [] : [intake.why];
  const draft = join(folder, `.rewrite-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const reports = await openCsvReports({ folder: draft, inputCount: run.inputs.length });
    if (intake.intake !== null) {
      for (const { csv } of intake.intake.inputs) reports.inputOpened(csv.source, csv.rawHeader);
      await writeFromInputs({ run, ledger, intake: intake.intake, limit: intake.options.limit, write: reports.write });
    } else await writeFromLedger({ run, ledger, write: reports.write });
    const { success, failures, malformed, more } = await reports.close();
    const complete = [success, failures, malformed, ...more].filter((path) => path !== undefined);
    const files: Record<string, string> = {};
    for (const path of intake.intake === null ? [success] : complete) {
      const target = join(folder, basename(path));
      // What is there has the names that the ledger doesn't keep.
      if (intake.intake === null && existsSync(target)) {
        notes.push(`${target} is there already, with names, and was left as it is.`);
        continue;
      }
      await rename(path, target);
      files[basename(path, '.csv')] = target;
    }
    if (run.summary === null) notes.push('summary.json was not written: the run was killed before it had one.');
    else files.summary = await writeSummary(folder, run.summary as RunSummary); // as `importMemories` saved it
    return { files, notes };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const PAGE = 1000;

interface Source {
  readonly run: RunRecord;
  readonly ledger: Ledger;
  readonly write: (rows: readonly SettledRow[]) => Promise<void>;
}

async function writeFromInputs({
  run,
  ledger,
  write,
  intake,
  limit,
}: Source & { readonly intake: Intake; readonly limit: number | null }): Promise<void> {
  const failures = new Map<string, RunFailure>();
  for (let offset = 0; ; offset += PAGE) {
    const page = await ledger.failuresOfRun(run.runId, { offset, limit: PAGE });
    for (const failure of page) failures.set(`${failure.input}:${failure.row}`, failure);
    if (page.length < PAGE) break;
  }
  const rows = prepareRows(intake, limit);
  const seen = new Map<NoteKey, string>();
  for await (const batch of rows.batches(new AbortController().signal)) {
    const known = await lookupMapped(ledger, batch);
    const settled = batch.flatMap((row): SettledRow[] => {
      const { source } = row;
      const failure = failures.get(`${source.input.index}:${source.row}`);
      if (failure !== undefined) {
        const { class: failureClass, status, message, attempts } = failure;
        const outcome: Outcome = {
          kind: 'failed',
          class: failureClass,
          status,
          message: row.kind === 'failed' ? row.failure.message : message,
          details: null,
          attempts,
        };
        return [{ source, draft: row.kind === 'mapped' ? row.draft : null, outcome }];
      }
      if (row.kind === 'failed') return [];
      const note = known.get(row.draft.fingerprint);
      const outcome = note === undefined ? null : outcomeInRun(run, note, seen, rows.labelOf(row.ordinal));
      return outcome === null ? [] : [{ source, draft: row.draft, outcome }];
    });
    await write(settled);
  }
}

async function lookupMapped(ledger: Ledger, batch: readonly PreparedRow[]): Promise<ReadonlyMap<Fingerprint, KnownNote>> {
  const fingerprints = batch.flatMap((row) => (row.kind === 'mapped' ? [row.draft.fingerprint] : []));
  const notes = await ledger.lookup(fingerprints);
  return new Map(fingerprints.flatMap((fingerprint, i) => (notes[i] ? [[fingerprint, notes[i]] as const] : [])));
}

/** What the run made of a note; null if it didn't settle it (a later run did, or it is still open). */
function outcomeInRun(run: RunRecord, note: KnownNote, seen: Map<NoteKey, string>, label: string): Outcome | null {
  if (note.state !== 'created' || note.runId > run.runId) return null;
  const { memoryId, createdAt } = note;
  const firstRow = seen.get(note.key);
  if (firstRow !== undefined) return { kind: 'duplicate', firstRow, memoryId, createdAt };
  seen.set(note.key, label);
  if (note.runId === run.runId && note.how === 'created') return { kind: 'created', memoryId, createdAt, attempts: note.attempts };
  if (note.runId === run.runId && note.how === 'recovered') return { kind: 'recovered', memoryId, createdAt, attempts: note.attempts };
  return { kind: 'already_imported', memoryId, createdAt, changed: false };
}

/** Without the inputs: what the run created, with ids and without names. */
async function writeFromLedger({ run, ledger, write }: Source): Promise<void> {
  let after: NoteKey | null = null;
  for (;;) {
    const page: readonly RunNote[] = await ledger.notesOfRun(run.runId, { after, limit: PAGE });
    after = page.at(-1)?.key ?? after;
    await write(page.filter((note) => note.state === 'created').map((note) => rowOfNote(note, run.inputs.length)));
    if (page.length < PAGE) return;
  }
}

function rowOfNote(note: RunNote, inputCount: number): SettledRow {
  const colon = inputCount > 1 ? note.row.lastIndexOf(':') : -1;
  const input: SourceInput = {
    index: 0,
    path: note.row.slice(0, Math.max(0, colon)),
    header: [],
    delimiter: ',',
    encoding: 'utf-8',
    isFailuresFile: false,
  };
  const { contactId, subOrg, fingerprint, memoryId, createdAt, attempts, how } = note;
  return {
    source: { kind: 'record', input, row: Number(note.row.slice(colon + 1)), line: 0, cells: [], bytes: 0, occurrence: null },
    draft: { contactId, subOrg, name: '', text: '', fingerprint, sentHash: '', inputHash: null, occurrence: 1 },
    outcome:
      how === 'adopted'
        ? { kind: 'already_imported', memoryId, createdAt, changed: false }
        : { kind: how === 'recovered' ? 'recovered' : 'created', memoryId, createdAt, attempts },
  };
}

/** The run's inputs, if they are still what was read then. */
async function openUnchanged(run: RunRecord, resolved: ResolvedOptions) {
  const options = { ...resolved, ...(run.options as Partial<ResolvedOptions>), inputs: run.inputs.map(({ path }) => path) };
  const missing = (why: string) => ({
    intake: null,
    options,
    close: null,
    why: `failures.csv was not written: ${why}`,
  });
  const unread = run.inputs.find(({ sha256 }) => sha256 === null);
  if (unread !== undefined) return missing(`${unread.path} was not read to its end then, or is standard input.`);
  try {
    for (const [index, { path, sha256 }] of run.inputs.entries()) {
      if ((await sha256Of(path)) !== sha256) return missing(`${run.inputs[index]?.path} has changed since.`);
    }
    const intake = await openIntake(options);
    return { intake, options, close: intake.close, why: null };
  } catch (error) {
    return missing(error instanceof Error ? error.message : String(error));
  }
}

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk);
  return digest.digest('hex');
}
