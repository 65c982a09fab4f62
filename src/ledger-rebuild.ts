import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { realClock } from './clock.js';
import { StoppedError, UserError } from './errors.js';
import type { ImportHooks } from './import.js';
import type { Ledger, RunRecord, Witness } from './ledger/ledger.js';
import { openLedger } from './ledger/open.js';
import type { RunId, RunSummary } from './model.js';
import { type ImportOptions, resolveOptions } from './options.js';
import { type CsvSource, readCsv } from './read/csv.js';
import { openInput } from './read/open.js';
import { isSuccessHeader, notASuccessFile, type SuccessRow, successRows } from './read/success-file.js';
import { isRunId, newRunId } from './report/run-folder.js';

/** What a ledger has learnt from success.csv files. */
export interface LedgerRebuild {
  readonly ledger: string;
  readonly files: readonly string[];
  readonly counts: RebuildCounts;
  /** Rows that couldn't be read, and files that end too early; the first of them, in order. */
  readonly problems: readonly RebuildProblem[];
}

/** `rows = added + settled + known + undone + differs + unreadable`. */
export interface RebuildCounts {
  readonly rows: number;
  /** Notes that the ledger didn't know. */
  readonly added: number;
  /** It had failed, or was in doubt: it is there. */
  readonly settled: number;
  readonly known: number;
  /** Undone since, as the ledger knows or the file says. */
  readonly undone: number;
  /** The ledger knows another memory of this note. */
  readonly differs: number;
  readonly unreadable: number;
}

export interface RebuildProblem {
  readonly file: string;
  /** Where it starts, from 1; null: it isn't of one row. */
  readonly line: number | null;
  readonly message: string;
}

/**
 * Makes a lost ledger again, or adds to one what it lacks, from success.csv files of its runs. Nothing is sent. Once is as good as twice.
 * @param options `inputs` are the files; address and key are the account's for which they were written
 * @param hooks.onProblem each problem as it is met
 * @throws UserError where a file isn't a success.csv, or the ledger can't be used: nothing was changed; LedgerHeldError; LedgerError
 */
export async function rebuildLedger(
  options: ImportOptions,
  hooks: Pick<ImportHooks, 'env' | 'clock'> & { readonly onProblem?: (problem: RebuildProblem) => void } = {},
): Promise<LedgerRebuild> {
  const { env = process.env, clock = realClock } = hooks;
  const resolved = resolveOptions(options, env);
  // The oldest first, so that the runs come in their order.
  const files = resolved.inputs.map(fileOf).sort((a, b) => (a.runId ?? '~').localeCompare(b.runId ?? '~'));
  for (const { path } of files) await (await openSuccessFile(path)).close();

  const runId = newRunId(clock.now(), clock.random);
  const ledger = await openLedger({
    address: resolved,
    runId,
    what: 'ledger rebuild',
    target: { baseUrl: resolved.baseUrl.href, apiKey: resolved.apiKey },
    sameAccount: resolved.sameAccount,
    now: clock.now,
    requestTimeoutMs: resolved.timeoutMs,
  });
  try {
    const counts = { rows: 0, added: 0, settled: 0, known: 0, undone: 0, differs: 0, unreadable: 0 };
    const problems: RebuildProblem[] = [];
    const tell = (problem: RebuildProblem): void => {
      counts.unreadable++;
      if (problems.length < KEPT_PROBLEMS) problems.push(problem);
      hooks.onProblem?.(problem);
    };
    for (const file of files) await takeFile({ file, ledger, counts, tell });
    return { ledger: resolved.ledger, files: files.map(({ path }) => path), counts, problems };
  } finally {
    await ledger.close();
  }
}

const KEPT_PROBLEMS = 100;
/** Rows of one commit. */
const BATCH = 2000;

interface SuccessFile {
  readonly path: string;
  /** The run in whose folder it lies; null: it lies elsewhere. */
  readonly runId: RunId | null;
}

function fileOf(path: string): SuccessFile {
  if (path === '-') throw new UserError("Standard input ('-') can't be taken here: its rows are read twice. Name the files.");
  const folder = basename(dirname(resolve(path)));
  return { path, runId: isRunId(folder) ? folder : null };
}

async function openSuccessFile(path: string): Promise<{ readonly csv: CsvSource; readonly close: () => Promise<void> }> {
  const input = await openInput({ path, encoding: null });
  try {
    const explain = (header: readonly string[]) => notASuccessFile(path, header);
    const csv = await readCsv({ input, index: 0, delimiter: null, accepts: isSuccessHeader, explain });
    return { csv, close: input.close };
  } catch (error) {
    await input.close();
    throw error;
  }
}

interface Taking {
  readonly file: SuccessFile;
  readonly ledger: Ledger;
  readonly counts: { -readonly [name in keyof RebuildCounts]: number };
  readonly tell: (problem: RebuildProblem) => void;
}

async function takeFile({ file, ledger, counts, tell }: Taking): Promise<void> {
  const { path, runId } = file;
  if (runId !== null && (await ledger.run(runId)) === null) await ledger.saveRun(await recordOf(path, runId));
  const { csv, close } = await openSuccessFile(path);
  const read = successRows(csv.source.header);
  let witnesses: Witness[] = [];
  const notes = new Set<string>();
  const take = async (): Promise<void> => {
    const answers = await ledger.remember(witnesses);
    // A row counts once: by its note, not by the parts before it.
    for (const [i, { fingerprint }] of witnesses.entries()) if (notes.has(fingerprint)) counts[answers[i]!]++;
    witnesses = [];
    notes.clear();
  };
  try {
    for await (const rows of csv.rows()) {
      for (const row of rows) {
        counts.rows++;
        const found = row.kind === 'malformed' ? row.message : read(row);
        if (typeof found === 'string') tell({ file: path, line: row.line, message: found });
        else if (found.status === 'undone') counts.undone++;
        else {
          // What is left of it is known, so that only the rest is sent again.
          if (found.status === 'partly_undone') counts.undone++;
          else notes.add(found.fingerprint);
          witnesses.push(...witnessesOf(found, runId));
        }
      }
      if (witnesses.length >= BATCH) await take();
    }
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
    // The run that wrote it was killed in the middle of a line, or the file is damaged: what came before it is good.
    counts.rows++;
    tell({ file: path, line: null, message: error.message });
  } finally {
    await close();
  }
  await take();
}

/** The note; before it, of one in several memories, the others. */
function witnessesOf({ status, partsBefore, ...row }: SuccessRow, runId: RunId | null): readonly Witness[] {
  // Of what a run met as known, another run's file may say who made it.
  const isMaker = status === 'created' || status === 'recovered' || status === 'partly_undone';
  const made = isMaker && runId !== null ? { runId, how: status === 'recovered' ? status : ('created' as const) } : null;
  return [...partsBefore.map((part) => ({ ...row, ...part, made })), { ...row, made }];
}

/** What is still known of the run: from the summary beside the file, else from its id. */
async function recordOf(path: string, runId: RunId): Promise<RunRecord> {
  const out = dirname(path);
  const summary = await summaryOf(out, runId);
  const [, date, time] = /^(\d{8})T(\d{6})Z/.exec(runId) ?? [];
  const startedAt = `${date?.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time?.replace(/(..)(..)(..)/, '$1:$2:$3')}.000Z`;
  return {
    runId,
    startedAt: summary?.startedAt ?? startedAt,
    finishedAt: summary?.finishedAt ?? null,
    // Without its summary it was killed, which this status means in a ledger that nobody holds.
    status: summary?.status ?? 'running',
    inputs: (summary?.inputs ?? []).map((input) => ({ path: input, bytes: null, sha256: null, lastRow: null })),
    out,
    options: {},
    summary,
  };
}

async function summaryOf(folder: string, runId: RunId): Promise<RunSummary | null> {
  try {
    const summary: unknown = JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8'));
    const isOurs = typeof summary === 'object' && summary !== null && 'runId' in summary && summary.runId === runId;
    return isOurs ? (summary as RunSummary) : null; // as `importMemories` wrote it
  } catch {
    return null;
  }
}
