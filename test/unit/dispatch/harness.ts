import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createPageSense, judge } from '../../../src/callers/reconcile.js';
import { createAdopter } from '../../../src/dispatch/adopt.js';
import { createAim } from '../../../src/dispatch/aim.js';
import { createDispatcher } from '../../../src/dispatch/dispatch.js';
import { settleOldDoubts, takeClosingLooks } from '../../../src/dispatch/doubts.js';
import { createGate } from '../../../src/dispatch/gate.js';
import { asStop, createHalt, type Halt } from '../../../src/dispatch/halt.js';
import { createLooker } from '../../../src/dispatch/look.js';
import { StoppedError } from '../../../src/errors.js';
import { openDatabase } from '../../../src/ledger/database.js';
import { createFirstSeen } from '../../../src/ledger/first-seen.js';
import type { KnownNote, Ledger } from '../../../src/ledger/ledger.js';
import { openLedger } from '../../../src/ledger/sqlite.js';
import { createLedgerWriter } from '../../../src/ledger/writer.js';
import { contentHash, fingerprintOf, partFingerprint, withOccurrence } from '../../../src/map/fingerprint.js';
import type {
  Clock,
  Draft,
  Fingerprint,
  ImportEvent,
  MappedRow,
  Outcome,
  Part,
  RunId,
  SettledRow,
  SourceInput,
} from '../../../src/model.js';
import { publicMessage } from '../../../src/report/public-message.js';
import type { ScriptedServer } from '../../support/scripted-api.js';
import type { VirtualClock } from '../../support/virtual-clock.js';

export interface Note {
  readonly contactId: string;
  readonly name?: string;
  readonly text: string;
  readonly subOrg?: string | null;
  /** As with `--id-column`. */
  readonly id?: string;
  /** Too long for one memory: it becomes so many, with ` [1/3]` and so on behind the text. */
  readonly parts?: number;
}

export interface RunOptions {
  readonly concurrency?: number;
  readonly rate?: number | null;
  readonly retries?: number;
  readonly giveUpAfterMs?: number;
  readonly reconcileWaitMs?: number;
  readonly inDoubt?: 'reconcile' | 'resend' | 'report';
  readonly order?: 'contact' | 'none';
  readonly duplicates?: 'skip' | 'create';
  readonly adopt?: boolean;
  readonly retakesFailures?: boolean;
}

export interface Simulation {
  readonly clock: VirtualClock;
  readonly server: ScriptedServer;
  readonly notes: readonly Note[];
  readonly options?: RunOptions;
  /** Default: a fresh one. */
  readonly ledgerPath?: string;
  /** Wraps the ledger, for instance to let it fail. */
  readonly wrapLedger?: (ledger: Ledger) => Ledger;
  /** Called at the beginning, to stop the run later on. */
  readonly during?: (run: { readonly halt: Halt; readonly clock: Clock }) => void;
  /** `kill -9` so many virtual milliseconds after the start. */
  readonly killAfterMs?: number;
  readonly atMostMs?: number;
}

export interface Simulated {
  /** By row, from 1: what was reported; a row that was left for the next run is missing. */
  readonly outcomes: ReadonlyMap<number, Outcome>;
  /** The same in the order of the notes, in short: `created`, `server_error` …; `-` where nothing was said. */
  readonly kinds: readonly string[];
  readonly events: readonly ImportEvent[];
  readonly reason: StoppedError | null;
  readonly settled: readonly SettledRow[];
  /** In the ledger, after the run. */
  readonly known: readonly (KnownNote | null)[];
  readonly open: readonly OpenInLedger[];
  readonly killed: boolean;
  /** How often somebody waited for all to be durable. */
  readonly flushes: number;
}

export function ledgerFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dispatch-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'ledger.db');
}

let runs = 0;
const INPUT: SourceInput = {
  index: 0,
  path: 'notes.csv',
  header: ['contactId', 'text'],
  delimiter: ',',
  encoding: 'utf-8',
  isFailuresFile: false,
};

function rowOf(note: Note, row: number): MappedRow & { readonly base: Fingerprint; readonly ordinal: number } {
  const { contactId, name = 'Note', text, subOrg = null, id, parts: count } = note;
  const content = id === undefined ? ({ kind: 'note', name, text } as const) : ({ kind: 'id', id } as const);
  const fingerprint = fingerprintOf({ contactId, subOrg, content });
  const sentHash = contentHash(name, text);
  const inputHash = id === undefined ? null : sentHash;
  const whole = { contactId, subOrg, name, text, fingerprint, sentHash, inputHash, occurrence: 1 };
  return {
    source: { kind: 'record', input: INPUT, row, line: row + 1, cells: [contactId, text], bytes: text.length, occurrence: null, target: 0 },
    draft: count === undefined ? whole : { ...whole, parts: Array.from({ length: count }, (_, i) => partOf(whole, i + 1, count)) },
    base: fingerprint,
    ordinal: row,
  };
}

function partOf(whole: Draft, number: number, count: number): Part {
  const { fingerprint, inputHash } = whole;
  const base = number === count ? fingerprint : partFingerprint(fingerprint, { inputHash, number, count });
  const text = `${whole.text} [${number}/${count}]`;
  return { base, draft: { ...whole, text, fingerprint: base, sentHash: contentHash(whole.name, text) } };
}

/** One run, wired as `import.ts` does, on a virtual clock, a scripted server and a real ledger. */
export async function simulate(simulation: Simulation): Promise<Simulated> {
  const { clock, server, notes, options = {}, ledgerPath = ledgerFile(), killAfterMs } = simulation;
  const startedAt = clock.now();
  const own = clock.cuttable();
  const connection = server.connect();
  const runId = `2026112${runs % 10}T000000Z-${String(++runs).padStart(4, '0')}` as RunId;
  const opened = openLedger({
    path: ledgerPath,
    runId,
    what: 'a test',
    target: { baseUrl: 'http://127.0.0.1/', apiKey: 'k' },
    sameAccount: false,
    now: clock.now,
  });
  let commits = 0;
  const counted: Ledger = {
    ...opened,
    commit(batch) {
      commits++;
      return opened.commit(batch);
    },
  };
  const ledger = simulation.wrapLedger?.(counted) ?? counted;
  const events: ImportEvent[] = [];
  const settled: SettledRow[] = [];
  const outcomes = new Map<number, Outcome>();
  const halt = createHalt(() => {});
  const emit = (event: ImportEvent) => void events.push(event);
  let flushes = 0;
  const ownWriter = createLedgerWriter({ ledger });
  const writer: typeof ownWriter = {
    ...ownWriter,
    flush() {
      flushes++;
      return ownWriter.flush();
    },
  };
  const all = {
    concurrency: 16,
    rate: null,
    retries: 5,
    giveUpAfterMs: 600_000,
    reconcileWaitMs: 10_000,
    inDoubt: 'reconcile',
    order: 'contact',
    duplicates: 'skip',
    ...options,
  } as const;
  const aim = createAim(halt, () => options.retakesFailures === true);
  const gate = createGate({ api: connection, clock: own, halt, emit, aim, publicMessage, shared: ledger.shared, ...all });
  const pages = createPageSense();
  const looker = createLooker({
    gate,
    ledger,
    flush: writer.flush,
    judge,
    hashOf: contentHash,
    skewMs: connection.clockSkewMs,
    pages,
    clock: own,
    stopped: halt.signal,
    reconcileWaitMs: all.reconcileWaitMs,
    retries: all.retries,
    onLooked: (row, found) => emit({ type: 'looked', row, found }),
  });

  const run = async (): Promise<void> => {
    const recoveredBefore = await settleOldDoubts({
      ledger,
      writer,
      looker,
      emit,
      clock: own,
      stopped: halt.signal,
      startedAt,
      inDoubt: all.inDoubt,
    });
    const adopter = options.adopt
      ? createAdopter({
          looker,
          ledger,
          flush: writer.flush,
          hashOf: contentHash,
          isSuspectPage: pages.isSuspect,
          stopped: halt.signal,
          isShared: false,
        })
      : null;
    const dispatcher = createDispatcher({
      gate,
      looker,
      adopter,
      writer,
      lookup: ledger.lookup,
      lateMemory: ledger.shared?.lateMemory ?? null,
      others: null,
      sharedRun: null,
      skewMs: connection.clockSkewMs,
      clock: own,
      halt,
      emit,
      report: async (row) => {
        if (outcomes.has(row.source.row)) throw new Error(`row ${row.source.row} was reported twice`);
        outcomes.set(row.source.row, row.outcome);
        settled.push(row);
      },
      firstSeen: createFirstSeen(),
      labelOf: String,
      recoveredBefore,
      withOccurrence,
      publicMessage,
      inputCount: 1,
      ...all,
    });
    for (const [i, note] of notes.entries()) {
      if (halt.signal.aborted) break;
      await dispatcher.submit(rowOf(note, i + 1));
    }
    await dispatcher.idle();
    if (!halt.signal.aborted) await takeClosingLooks({ ledger, looker, writer, emit, stopped: halt.signal, startedAt });
    await writer.flush();
  };
  const work = run().catch((error: unknown) => {
    const stop = asStop(error);
    if (stop === null) throw error;
    halt.stop(stop);
  });
  simulation.during?.({ halt, clock });
  let killed = false;
  const death =
    killAfterMs === undefined
      ? []
      : [
          clock.sleep(killAfterMs).then(() => {
            own.cut();
            connection.kill();
            killed = true;
          }),
        ];
  // What a kill leaves unwritten stays so: the writer isn't waited for then.
  const quiet = async (): Promise<number> => {
    if (!killed) await writer.flush().catch(() => {});
    return commits;
  };
  await clock.run(Promise.race([work, ...death]), {
    quiet,
    ...(simulation.atMostMs === undefined ? {} : { atMostMs: simulation.atMostMs }),
  });
  const known = await opened.lookup(notes.map((note, i) => rowOf(note, i + 1).draft.fingerprint));
  await opened.close();
  const open = openNotesOf(ledgerPath);
  work.catch(() => {});
  return {
    outcomes,
    kinds: notes.map((_, i) => kindOf(outcomes.get(i + 1))),
    events,
    reason: halt.reason,
    settled,
    known,
    open,
    killed,
    flushes,
  };
}

export function kindOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-';
  return outcome.kind === 'failed' ? outcome.class : outcome.kind;
}

/** `count` contacts with `each` notes, contact by contact. */
export function notesOf(count: number, each = 1): Note[] {
  return Array.from({ length: count * each }, (_, i) => ({ contactId: `c${Math.floor(i / each) + 1}`, text: `text ${i + 1}` }));
}

/** The gate alone, for what needs no ledger. */
export function openGate(world: {
  readonly clock: VirtualClock;
  readonly server: ScriptedServer;
  readonly rate?: number | null;
  readonly concurrency?: number;
  readonly giveUpAfterMs?: number;
}) {
  const { clock, server, rate = null, concurrency = 16, giveUpAfterMs = 600_000 } = world;
  const events: ImportEvent[] = [];
  const halt = createHalt(() => {});
  const emit = (event: ImportEvent) => void events.push(event);
  const gate = createGate({
    api: server.connect(),
    clock,
    halt,
    emit,
    aim: createAim(halt, () => false),
    publicMessage,
    rate,
    concurrency,
    giveUpAfterMs,
  });
  return { gate, halt, events };
}

export function interruption(): StoppedError {
  return new StoppedError('signal', 'Interrupted.', true);
}

export interface OpenInLedger {
  readonly state: string;
  readonly since: number | null;
  readonly claimedAt: number;
  readonly closing: number;
}

/** What the next run will find open, as it stands in the file. */
function openNotesOf(path: string): readonly OpenInLedger[] {
  const database = openDatabase(path, { readOnly: true, busyMs: 1000 });
  const rows = database
    .prepare(`SELECT state, since, claimed_at, closing FROM note WHERE state IN ('claimed', 'sending', 'in_doubt') OR closing = 1`)
    .all()
    .map((row) => ({
      state: String(row.state),
      since: row.since as number | null,
      claimedAt: Number(row.claimed_at),
      closing: Number(row.closing),
    }));
  database.close();
  return rows;
}
