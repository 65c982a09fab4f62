import { existsSync, statSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { realClock } from './clock.js';
import type { ImportHooks } from './import.js';
import type { KnownNote, Ledger, RecordedFailure, RunFailure, RunNote, RunRecord } from './ledger/ledger.js';
import { openLedgerToRead } from './ledger/open.js';
import type { Fingerprint, NoteKey, Outcome, RunFiles, RunSummary, SettledRow, SourceInput } from './model.js';
import { type ImportOptions, resolveOptions } from './options.js';
import { openCsvReports } from './report/csv-reports.js';
import { countOf } from './report/format.js';
import { savedPageFacts } from './report/page-facts.js';
import { writePage } from './report/page-file.js';
import { writeSummary } from './report/summary.js';
import { identifyAmongIdentical, identifyAsMapped, wasMade } from './run/identify-row.js';
import type { Intake } from './run/intake.js';
import { findRun } from './run/known-run.js';
import { memoryIdsOf, partsLeft } from './run/part-ids.js';
import { type PreparedRow, prepareRows } from './run/rows.js';
import { openUnchanged, type RunInputs, type SavedOptions } from './run/unchanged-inputs.js';
import { undoneOf } from './run/undone-of.js';

export interface RewrittenReports {
  readonly files: RunFiles;
  /** What couldn't be written, and why: sentences for a person. */
  readonly notes: readonly string[];
}

/**
 * Writes a run's reports again, from the ledger and, while they are unchanged, from its inputs: the ledger keeps no names and no texts.
 * @param options.set the run's own constant `name`, which the ledger doesn't keep either: without it success.csv gets no names
 * @throws UserError where there is no such run
 */
export async function rewriteReports(
  runId: string,
  options: ImportOptions,
  { env = process.env, clock = realClock }: Pick<ImportHooks, 'env' | 'clock'> = {},
): Promise<RewrittenReports> {
  const resolved = resolveOptions(options, env, { key: false, inputs: false });
  const ledger = await openLedgerToRead(resolved);
  try {
    const run = await findRun(ledger, resolved.ledger, runId);
    const inputs = await openUnchanged(run, resolved.set);
    try {
      // Without a ledger there is no run.
      return await rewrite({ run, ledger: ledger as Ledger, inputs, excel: resolved.excel || run.options.excel === true, now: clock.now });
    } finally {
      await inputs.intake?.close();
    }
  } finally {
    await ledger?.close();
  }
}

interface Rewriting {
  readonly run: RunRecord;
  readonly ledger: Ledger;
  readonly inputs: RunInputs;
  readonly excel: boolean;
  readonly now: () => number;
}

async function rewrite({ run, ledger, inputs, excel, now }: Rewriting): Promise<RewrittenReports> {
  const folder = run.out;
  const notes = inputs.intake === null ? [inputs.why] : [];
  const hasNames = inputs.intake !== null && inputs.isNameKnown;
  if (inputs.intake !== null && !hasNames)
    notes.push(`The ledger doesn't keep the name that --set gave. To have it in success.csv: report ${run.runId} --set name=…`);
  const draft = join(folder, `.rewrite-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  try {
    const reports = await openCsvReports({ folder: draft, inputCount: run.inputs.length, excel });
    let [hasFailures, retaken] = [false, 0];
    if (inputs.intake !== null) {
      for (const { csv } of inputs.intake.inputs) reports.inputOpened(csv.source, csv.rawHeader);
      const written = await writeFromInputs({
        run,
        ledger,
        intake: inputs.intake,
        options: inputs.options,
        write: hasNames ? reports.write : withoutNames(reports.write),
      });
      retaken = written.retaken;
      hasFailures = written.failures > 0 || hadNoFailures(run);
      if (!hasFailures)
        notes.push(
          'failures.csv was not written: the ledger knows no failed rows of the run, or none any more (ledger compact --drop-failures).',
        );
    } else await writeFromLedger({ run, ledger, write: reports.write });
    if (retaken > 0)
      notes.push(
        `Of ${countOf(retaken, 'row')} the ledger has only what later runs have made of ${retaken === 1 ? 'its note' : 'their notes'}.`,
      );
    const { success, failures, malformed, unknownContacts, more } = await reports.close();
    const complete = [success, failures, malformed, unknownContacts, ...more].filter((path) => path !== undefined);
    const files: Record<string, string> = {};
    for (const path of hasFailures ? complete : [success]) {
      const target = join(folder, basename(path));
      // What is there has what the ledger doesn't keep: names, and the last word of this run on notes that are another's now.
      if (path === success && (!hasNames || retaken > 0) && hasContent(target)) {
        notes.push(`${target} is there already, ${hasNames ? 'with all its rows' : 'with names'}, and was left as it is.`);
        continue;
      }
      await rename(path, target);
      files[path === unknownContacts ? 'unknownContacts' : basename(path, '.csv')] = target;
    }
    if (run.summary === null) {
      notes.push('summary.json and report.html were not written: the run was killed before it had them.');
      return { files, notes };
    }
    const report = join(folder, 'report.html');
    const saved = run.summary as RunSummary; // as `importMemories` saved it
    const summary = { ...saved, files: { ...saved.files, report } };
    const facts = savedPageFacts(run.page);
    const undone = await undoneOf(run, ledger);
    if (undone !== null) {
      const told = files.success === undefined ? '' : ': success.csv calls such rows undone';
      notes.push(`${countOf(undone.notes, 'note')} of it ${undone.notes === 1 ? 'was' : 'were'} undone since${told}.`);
    }
    await rename(await writePage(draft, { run: summary, facts, inputs: run.inputs, undone, writtenAt: now() }), report);
    files.summary = await writeSummary(folder, summary);
    return { files: { ...files, report }, notes };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** A run that was killed may have left an empty file. */
function hasContent(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function withoutNames(write: Source['write']): Source['write'] {
  return (rows) => write(rows.map((row) => (row.draft === null ? row : { ...row, draft: { ...row.draft, name: '' } })));
}

const PAGE = 1000;

interface Source {
  readonly run: RunRecord;
  readonly ledger: Ledger;
  readonly write: (rows: readonly SettledRow[]) => Promise<void>;
}

interface ReadAgain extends Source {
  readonly intake: Intake;
  readonly options: SavedOptions;
}

/** As far as is known: a run that was killed has nothing to say of it, and may have failures that were forgotten. */
function hadNoFailures({ summary, out }: RunRecord): boolean {
  if (summary === null) return !existsSync(join(out, 'failures.csv'));
  return (summary as RunSummary).counts.failed === 0; // as `importMemories` saved it
}

interface Written {
  /** Rows that were left out because later runs have taken them up. */
  readonly retaken: number;
  /** Of the run, as the ledger knows them. */
  readonly failures: number;
}

async function writeFromInputs({ run, ledger, write, intake, options }: ReadAgain): Promise<Written> {
  let retaken = 0;
  const failures = new Map<string, RunFailure>();
  for (let after: number | null = null; ; ) {
    const page: readonly RecordedFailure[] = await ledger.failuresOfRun(run.runId, { after, limit: PAGE });
    for (const failure of page) failures.set(failureKey(failure), failure);
    after = page.at(-1)?.number ?? after;
    if (page.length < PAGE) break;
  }
  const rows = prepareRows(intake, options.limit);
  const identify = options.duplicates === 'create' ? identifyAmongIdentical(run, ledger, rows) : identifyAsMapped;
  const seen = new Map<NoteKey, string>();
  for await (const batch of rows.batches(new AbortController().signal)) {
    const known = await lookupMapped(ledger, batch);
    const settled: SettledRow[] = [];
    for (const row of batch) {
      const { source } = row;
      // A run that stopped left the rest to the next one. Ledgers of earlier versions don't know how far it came.
      if (source.row > (run.inputs[source.input.index]?.lastRow ?? Number.POSITIVE_INFINITY)) continue;
      if (row.kind === 'filtered') continue;
      const target = source.kind === 'record' ? source.target : 0;
      const failure = failures.get(failureKey({ input: source.input.index, row: source.row, target }));
      const identified =
        row.kind === 'mapped' ? await identify(row, known.get(row.draft.fingerprint) ?? null, failure !== undefined) : null;
      if (failure !== undefined) {
        const { class: failureClass, status, message, attempts } = failure;
        const outcome: Outcome = {
          kind: 'failed',
          class: failureClass,
          status,
          message: row.kind === 'failed' ? row.failure.message : message,
          details: row.kind === 'failed' ? row.failure.details : null,
          attempts,
        };
        settled.push({ source, draft: identified?.draft ?? null, outcome });
        continue;
      }
      if (identified === null || identified.note === null) continue;
      const { draft, note } = identified;
      const outcome = outcomeInRun(run, note, seen, rows.labelOf(row.ordinal));
      if (outcome === null) {
        if (note.runId > run.runId) retaken++;
        continue;
      }
      const left = await partsLeft(ledger, draft);
      settled.push({
        source,
        draft,
        ...(left === null ? {} : { partsLeft: left }),
        outcome: 'memoryId' in outcome ? { ...outcome, memoryId: await memoryIdsOf(ledger, draft, note) } : outcome,
        undone: note.state === 'undone',
      });
    }
    await write(settled);
  }
  return { retaken, failures: failures.size };
}

function failureKey({ input, row, target }: Pick<RunFailure, 'input' | 'row' | 'target'>): string {
  return `${input}:${row}:${target}`;
}

async function lookupMapped(ledger: Ledger, batch: readonly PreparedRow[]): Promise<ReadonlyMap<Fingerprint, KnownNote>> {
  const fingerprints = batch.flatMap((row) => (row.kind === 'mapped' ? [row.draft.fingerprint] : []));
  const notes = await ledger.lookup(fingerprints);
  return new Map(fingerprints.flatMap((fingerprint, i) => (notes[i] ? [[fingerprint, notes[i]] as const] : [])));
}

/** What the run made of a note; null if it didn't settle it (a later run did, or it is still open). */
function outcomeInRun(run: RunRecord, note: KnownNote, seen: Map<NoteKey, string>, label: string): Outcome | null {
  if (!wasMade(note) || note.runId > run.runId) return null;
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
    await write(page.filter(wasMade).map((note) => rowOfNote(note, run.inputs.length)));
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
    source: { kind: 'record', input, row: Number(note.row.slice(colon + 1)), line: 0, cells: [], bytes: 0, occurrence: null, target: 0 },
    draft: { contactId, subOrg, name: '', text: '', fingerprint, sentHash: '', inputHash: null, occurrence: 1 },
    outcome:
      how === 'adopted'
        ? { kind: 'already_imported', memoryId, createdAt, changed: false }
        : { kind: how === 'recovered' ? 'recovered' : 'created', memoryId, createdAt, attempts },
    undone: note.state === 'undone',
  };
}
