import type { Halt } from '../dispatch/halt.js';
import { StoppedError } from '../errors.js';
import type { Ledger, RunRecord } from '../ledger/ledger.js';
import type { Clock, Emit, RunFiles, RunId, RunSummary } from '../model.js';
import type { Finding } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import type { CsvReportPaths, CsvReports } from '../report/csv-reports.js';
import type { PageGatherer, Repeat } from '../report/page-facts.js';
import { writePage } from '../report/page-file.js';
import { summary, type Tally, writeSummary } from '../report/summary.js';
import { VERSION } from '../version.js';
import type { Intake } from './intake.js';
import { keptProfiles } from './kept-profiles.js';
import { keptConstants } from './note-constants.js';
import { shownOptions } from './shown-options.js';

/** What a run has from its beginning to its end. */
export interface RunContext {
  readonly runId: RunId;
  readonly options: ResolvedOptions;
  readonly intake: Intake;
  readonly ledger: Ledger;
  /** Where its reports go. */
  readonly folder: string;
  readonly reports: CsvReports;
  /** Of the first rows, what isn't a reason to stop. */
  readonly findings: readonly Finding[];
  readonly clock: Clock;
  /** By input, the last row that was taken up. */
  readonly reached: Map<number, number>;
  /** Epoch milliseconds: when the command started. */
  readonly startedAt: number;
}

export interface Ending {
  readonly tally: Tally;
  readonly page: PageGatherer;
  readonly repeat: Repeat | null;
  readonly halt: Halt;
  readonly emit: Emit;
}

/** Closes the reports, and says in the ledger, in summary.json, in report.html and to everybody how the run ended. */
export async function conclude(context: RunContext, { tally, page, repeat, halt, emit }: Ending): Promise<RunSummary> {
  const { runId, options, ledger, folder, reports, clock, startedAt } = context;
  const paths = await reports.close().catch((error: unknown) => {
    const message = `A report file can't be written: ${reasonOf(error)}. ${writeAgain(runId)}`;
    halt.stop(new StoppedError('report_files', message, true, { cause: error }));
    return null;
  });
  const { reason } = halt;
  const stop = reason === null ? null : { reasonCode: reason.reasonCode, reason: reason.message, continues: reason.continues };
  const files = paths === null ? {} : filesOf(paths);
  const ended = summary({ runId, inputs: options.inputs, startedAt, finishedAt: clock.now(), stop, files, tally });
  const facts = page.facts({ version: VERSION, options: shownOptions(options), repeat, moreFiles: paths?.more ?? [] });
  const { inputs } = runRecord(context, null);
  // The run is over and its outcomes are safe: what can't be written now must not hide them.
  const report = await writePage(folder, { run: ended, facts, inputs, writtenAt: clock.now() }).catch((error: unknown) => {
    const message = `report.html isn't there: ${reasonOf(error)}. ${writeAgain(runId)}`;
    emit({ type: 'warning', code: 'page_not_written', message });
    return null;
  });
  const result = report === null ? ended : { ...ended, files: { ...ended.files, report } };
  await writeSummary(folder, result).catch((error: unknown) => {
    emit({ type: 'warning', code: 'summary_not_written', message: `summary.json isn't there: ${reasonOf(error)}. ${writeAgain(runId)}` });
  });
  await ledger.saveRun({ ...runRecord(context, result), page: facts }).catch((error: unknown) => {
    const rest = `Its rows are; only 'memory-import runs' and 'report' don't know how it ended. Mend the ledger (${options.ledger}), and keep summary.json.`;
    emit({ type: 'warning', code: 'run_not_saved', message: `The run's end isn't in the ledger: ${reasonOf(error)}. ${rest}` });
  });
  emit({ type: 'run_finished', summary: result });
  return result;
}

function filesOf({ success, failures, malformed, unknownContacts }: CsvReportPaths): RunFiles {
  return {
    success,
    failures,
    ...(malformed === undefined ? {} : { malformed }),
    ...(unknownContacts === undefined ? {} : { unknownContacts }),
  };
}

function writeAgain(runId: RunId): string {
  return `The run's outcomes are in the ledger. Make room in the run's folder, then run 'memory-import report ${runId}'.`;
}

/** What `runs` and `report` need: never the key, nor a note's name or text. */
export function runRecord({ runId, options, intake, folder, reached, startedAt }: RunContext, result: RunSummary | null): RunRecord {
  const { baseUrl, ...rest } = options;
  const { subOrg, map, set, html, tooLong, filter, since, delimiter, encoding, idColumn, duplicates, limit, only, contactSeparator } = rest;
  return {
    runId,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: result?.finishedAt ?? null,
    status: result?.status ?? 'running',
    inputs: intake.inputs.map(({ file }, index) => ({
      path: file.path,
      ...(file.archive === null ? {} : { archive: file.archive.path }),
      bytes: file.archive === null ? file.totalBytes : file.archive.bytes,
      sha256: file.sha256(),
      lastRow: result === null ? null : (reached.get(index) ?? 0),
    })),
    out: folder,
    options: {
      ...{ baseUrl: baseUrl.href, subOrg, map, ...keptConstants(set), html, tooLong, filter, since },
      ...{ delimiter, encoding, idColumn, duplicates, limit, only, contactSeparator },
      ...{ accept: options.accept, excel: options.excel, campaign: options.campaign },
      profiles: keptProfiles(intake.inputs.map(({ reading }) => reading.profile)),
      contacts: intake.contacts === null ? null : { path: intake.contacts.path, sha256: intake.contacts.sha256 },
    },
    summary: result,
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
