import { destination, type Logger, pino } from 'pino';
import type { FailureClass, ImportEvent, SettledRow } from '../model.js';
import { assertNever, rowLabel } from '../model.js';
import { createRedactor } from '../redact.js';
import { formatCount, formatDuration, formatRate } from './format.js';
import { formatBytes } from './format-bytes.js';
import { cleanLine, publicMessage } from './public-message.js';

interface LoggerOptions {
  /** One of pino's levels, or `silent`. */
  readonly level: string;
  /** Makes each line, JSON, one for a person at a terminal. */
  readonly prettify?: ((line: string) => string) | null;
  /** Whatever must never be seen: the API key, passwords. */
  readonly secrets?: readonly string[];
  /** Where lines go: a file descriptor, by default 2 (stderr), or who else writes, as a terminal with a progress bar has to. */
  readonly stream?: number | { write(text: string): void };
}

/** Every line is written before the call returns, so that nothing is lost at exit. A stderr that was closed is harmless. */
export function createLogger({ level, prettify = null, secrets = [], stream = 2 }: LoggerOptions): Logger {
  const target = typeof stream === 'number' ? destination({ dest: stream, sync: true }) : stream;
  const redactor = createRedactor(secrets, REDACTED);
  return pino(
    { level, base: null, redact: { paths: SECRET_PATHS, censor: REDACTED } },
    {
      write(line) {
        // Only what is text: a secret of digits must not break the time.
        const clean = redactor.text(line) === line ? line : `${JSON.stringify(redactor.deep(JSON.parse(line)))}\n`;
        target.write(prettify === null ? clean : prettify(clean));
      },
    },
  );
}

const REDACTED = '[redacted]';
const SECRET_PATHS = ['apiKey', 'authorization', 'Authorization', 'password'].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

interface LogOptions {
  /** A line of progress every five seconds: for logs without a progress bar beside them. */
  readonly progress: boolean;
  /** Epoch milliseconds, as `Clock.now`. */
  readonly now?: () => number;
  /** Calls `tick` every `ms`, until what comes back is called. */
  readonly repeat?: (tick: () => void, ms: number) => () => void;
}

/** A run's story in the log. It never tells a note's text. */
interface EventLog {
  consume(event: ImportEvent): void;
  /** Ends the lines of progress of a run that didn't come to its end; `run_finished` does so by itself. */
  stop(): void;
}

export function logEvents(logger: Logger, { progress, now = Date.now, repeat = repeatUnrefed }: LogOptions): EventLog {
  let inputCount = 1;
  let totalBytes: number | null = null;
  let bytes = 0;
  let rows = 0;
  let failed = 0;
  let requests = 0;
  const startedAt = now();
  let rowsAtLastLine = 0;
  let lastLineAt = startedAt;
  /** Not by events: an API that doesn't answer causes none. */
  let stopTicking: (() => void) | null = null;
  /** Failures by class that no line has told yet, and when one is due. */
  let untoldFailures: Partial<Record<FailureClass, number>> = {};
  const failuresDue = every(startedAt, now);
  let untoldRateLimits = 0;
  const rateLimitsDue = every(Number.NEGATIVE_INFINITY, now);

  function tellProgress(): void {
    const at = now();
    const ratePerSecond = Math.round(((rows - rowsAtLastLine) * 10_000) / Math.max(1, at - lastLineAt)) / 10;
    const percent = totalBytes === null || totalBytes === 0 ? null : Math.min(100, Math.floor((100 * bytes) / totalBytes));
    const share = percent === null ? '' : `, ${percent} % of the input read`;
    logger.info(
      { event: 'progress', rows, failed, requests, ratePerSecond, bytes, percent },
      `${formatCount(rows)} rows settled, ${formatCount(failed)} failed, ${formatRate(ratePerSecond)} rows/s${share}`,
    );
    rowsAtLastLine = rows;
    lastLineAt = at;
  }

  function tellFailures(): void {
    const byClass = Object.entries(untoldFailures);
    if (byClass.length === 0) return;
    logger.info(
      { event: 'rows_failed', failures: untoldFailures },
      `rows failed: ${byClass.map(([name, count]) => `${formatCount(count)} ${name}`).join(', ')}`,
    );
    untoldFailures = {};
  }

  function tellRateLimits(event: { readonly waitMs: number; readonly ratePerSecond: number | null } | null): void {
    if (untoldRateLimits === 0) return;
    const pace = event?.ratePerSecond == null ? '' : `, now at most ${formatRate(event.ratePerSecond)} requests/s`;
    logger.info(
      {
        event: 'rate_limited',
        count: untoldRateLimits,
        ...(event === null ? {} : { waitMs: event.waitMs, ratePerSecond: event.ratePerSecond }),
      },
      `the API asked for patience ${formatCount(untoldRateLimits)} ${untoldRateLimits === 1 ? 'time' : 'times'}${pace}`,
    );
    untoldRateLimits = 0;
  }

  function takeRow(row: SettledRow): void {
    rows++;
    const { outcome } = row;
    if (outcome.kind !== 'failed') return;
    failed++;
    untoldFailures[outcome.class] = (untoldFailures[outcome.class] ?? 0) + 1;
    if (!logger.isLevelEnabled('debug')) return;
    const message = publicMessage(outcome.message, row.draft);
    const label = rowLabel(row.source, inputCount);
    logger.debug(
      { event: 'row_failed', row: label, line: row.source.line, class: outcome.class, status: outcome.status, attempts: outcome.attempts },
      `row ${label}: ${outcome.class}: ${message}`,
    );
  }

  function tick(): void {
    if (failuresDue()) tellFailures();
    tellProgress();
  }

  function stop(): void {
    stopTicking?.();
    stopTicking = null;
  }

  function consume(event: ImportEvent): void {
    switch (event.type) {
      case 'opening_ledger':
        logger.info({ event: 'opening_ledger', path: event.path, bytes: event.bytes }, `opening the ledger, ${formatBytes(event.bytes)}`);
        break;
      case 'reading_contacts': {
        const { path, contacts, bytes: read, totalBytes: of } = event;
        const share = of === null || of === 0 ? '' : `, ${Math.min(100, Math.floor((100 * read) / of))} % of it read`;
        const line = { event: 'reading_contacts', path, contacts, bytes: read, totalBytes: of };
        logger.info(line, cleanLine(`reading the list of contacts ${path}: ${formatCount(contacts)} contacts${share}`));
        break;
      }
      case 'run_started': {
        if (progress) stopTicking ??= repeat(tick, INTERVAL_MS);
        inputCount = event.inputs.length;
        totalBytes = event.totalBytes;
        const { runId, baseUrl, inputs } = event;
        logger.info(
          { event: 'run_started', runId, baseUrl, inputs, totalBytes },
          cleanLine(`run ${runId} started: ${inputs.join(', ')} to ${baseUrl}`),
        );
        break;
      }
      case 'input_opened': {
        const { path, encoding, delimiter, header, isFailuresFile } = event.input;
        // An archive's parts are inputs of their own.
        inputCount = Math.max(inputCount, event.input.index + 1);
        logger.debug({ event: 'input_opened', path, encoding, delimiter, columns: header.length, isFailuresFile }, `reading ${path}`);
        break;
      }
      case 'bytes_read':
        bytes = event.bytes;
        break;
      case 'rows_settled':
        event.rows.forEach(takeRow);
        break;
      case 'request':
        requests++;
        break;
      case 'under_way':
      case 'looking':
        break;
      case 'retry': {
        const { row, attempt, delayMs } = event;
        // Without its message: an API's may echo the note, and there is no note here to compare it with.
        logger.debug(
          { event: 'retry', row, attempt, delayMs },
          `row ${row}: attempt ${attempt} failed, again in ${formatDuration(delayMs)}`,
        );
        break;
      }
      case 'rate_limited':
        untoldRateLimits++;
        if (rateLimitsDue()) tellRateLimits(event);
        break;
      case 'paused':
        logger.warn({ event: 'paused' }, `paused: ${publicMessage(event.why, null)}`);
        break;
      case 'resumed':
        logger.info({ event: 'resumed', afterMs: event.afterMs }, `going on after ${formatDuration(event.afterMs)}`);
        break;
      case 'looked':
        logger.debug(
          { event: 'looked', row: event.row, found: event.found },
          `looked for ${event.row === null ? 'a note of an earlier run' : `row ${event.row}`}: ${foundWords(event.found)}`,
        );
        break;
      case 'doubts_settled': {
        const { recovered, absent, open } = event;
        logger.info(
          { event: 'doubts_settled', recovered, absent, open },
          `earlier runs left notes in doubt: ${recovered} found, ${absent} not there, ${open} still open`,
        );
        break;
      }
      case 'surplus': {
        const { contactId, memoryIds } = event;
        logger.warn(
          { event: 'surplus', contactId, memoryIds },
          `contact ${publicMessage(contactId, null)} has surplus memories, to be deleted by hand: ${memoryIds.map(cleanLine).join(', ')}`,
        );
        break;
      }
      case 'warning':
        logger.warn({ event: 'warning', code: event.code }, publicMessage(event.message, null, 1000));
        break;
      case 'stopping': {
        const { reasonCode } = event;
        // What the user asked for is no error.
        const level = reasonCode === 'signal' || reasonCode === 'max_duration' ? 'warn' : 'error';
        logger[level]({ event: 'stopping', reasonCode }, `stopping: ${publicMessage(event.reason, null, 1000)}`);
        break;
      }
      case 'run_finished': {
        stop();
        tellFailures();
        tellRateLimits(null);
        const { runId, status, reasonCode, counts, durationMs } = event.summary;
        logger.info(
          { event: 'run_finished', runId, status, reasonCode, durationMs, counts },
          `run ${runId} ${status.replaceAll('_', ' ')}: ${formatCount(counts.rows)} rows in ${formatDuration(durationMs)}, ${formatCount(counts.failed)} failed`,
        );
        return;
      }
      default:
        assertNever(event);
    }
    if (failuresDue()) tellFailures();
  }

  return { consume, stop };
}

function foundWords(found: boolean | null): string {
  if (found === null) return 'the list proves nothing';
  return found ? 'found' : 'not there';
}

const INTERVAL_MS = 5000;

/** It never keeps the process alive. */
function repeatUnrefed(tick: () => void, ms: number): () => void {
  const timer = setInterval(tick, ms).unref();
  return () => clearInterval(timer);
}

/** True at most once in five seconds, the first time five seconds after `start`. */
function every(start: number, now: () => number): () => boolean {
  let last = start;
  return () => {
    const at = now();
    if (at - last < INTERVAL_MS) return false;
    last = at;
    return true;
  };
}
