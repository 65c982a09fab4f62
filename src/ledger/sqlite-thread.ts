import { Worker } from 'node:worker_threads';
import { LedgerError } from '../errors.js';
import { type AnswerMessage, decodeAnswers, encodeBatch } from './batch-message.js';
import type { Ledger } from './ledger.js';
import type { WriteMode } from './sqlite.js';
import { fromPlain, type PlainError } from './thread-error.js';

/** What can be told to another thread: functions can't, so the time is told with each call. */
export type ThreadMode = Omit<WriteMode, 'now' | 'ownThread'> & { readonly openedAt: number };

/** The ledger's methods that are answered later. */
type Verb = { [V in keyof Ledger]: Ledger[V] extends (...args: never) => Promise<unknown> ? V : never }[keyof Ledger];

export interface Call {
  readonly id: number;
  readonly verb: Verb;
  readonly args: readonly unknown[];
  /** The caller's clock, epoch ms. */
  readonly at: number;
}

type Opened = Pick<Ledger, 'wasEmpty' | 'hadCreated'>;

/** `opened` or `refused` comes first, then one for each call. */
export type Answer =
  | { readonly opened: Opened }
  | { readonly refused: PlainError }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PlainError };

interface Caller {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Its batches are small and die at once; V8 would give it as large a young generation as the other thread's. */
const YOUNG_GENERATION_MB = 2;

/**
 * The ledger in a file, in a thread of its own: its transactions, and the disk that they wait for, hold up neither the reading of the API's
 * answers nor the time-outs of requests.
 * @throws as `openLedger` of `sqlite.ts`
 */
export async function openLedgerInThread(
  { now, ...mode }: Omit<WriteMode, 'ownThread'>,
  program = new URL('./sqlite-worker.js', import.meta.url),
): Promise<Ledger> {
  const worker = new Worker(program, {
    workerData: { ...mode, openedAt: now() } satisfies ThreadMode,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  const callers = new Map<number, Caller>();
  let calls = 0;
  let ended: LedgerError | null = null;
  let opening: { readonly resolve: (opened: Opened) => void; readonly reject: (error: Error) => void } | null = null;

  const end = (error: LedgerError): void => {
    ended ??= error;
    opening?.reject(ended);
    for (const { reject } of callers.values()) reject(ended);
    callers.clear();
  };
  worker.on('error', (cause) => end(new LedgerError("The ledger's thread failed.", { cause })));
  worker.on('exit', () => end(new LedgerError('The ledger is closed.')));
  worker.on('message', (answer: Answer) => {
    if ('opened' in answer) opening?.resolve(answer.opened);
    else if ('refused' in answer) opening?.reject(fromPlain(answer.refused));
    else {
      const caller = callers.get(answer.id);
      callers.delete(answer.id);
      if ('error' in answer) caller?.reject(fromPlain(answer.error));
      else caller?.resolve(answer.value);
    }
  });
  const opened = await new Promise<Opened>((resolve, reject) => {
    opening = { resolve, reject };
  });

  /** @typeParam T what the other thread answers */
  const ask = <T>(verb: Verb, args: readonly unknown[]): Promise<T> =>
    new Promise<unknown>((resolve, reject) => {
      if (ended !== null) {
        reject(ended);
        return;
      }
      const id = calls++;
      callers.set(id, { resolve, reject });
      worker.postMessage({ id, verb, args, at: now() } satisfies Call);
    }) as Promise<T>;
  const call = <V extends Verb>(verb: V): Ledger[V] => {
    const given = (...args: readonly unknown[]): Promise<unknown> => ask(verb, args);
    return given as Ledger[V]; // what the other thread answers is what this verb of its ledger returned
  };
  return {
    ...opened,
    shared: null,
    lookup: call('lookup'),
    commit: async (batch) => decodeAnswers(await ask<readonly AnswerMessage[]>('commit', [encodeBatch(batch)])),
    remember: call('remember'),
    openNotes: call('openNotes'),
    closingNotes: call('closingNotes'),
    contact: call('contact'),
    contactOf: call('contactOf'),
    largestContact: call('largestContact'),
    saveRun: call('saveRun'),
    runs: call('runs'),
    run: call('run'),
    notesOfRun: call('notesOfRun'),
    createdNotes: call('createdNotes'),
    createdTally: call('createdTally'),
    beginUndo: call('beginUndo'),
    endUndo: call('endUndo'),
    openUndos: call('openUndos'),
    failuresOfRun: call('failuresOfRun'),
    async close() {
      if (ended !== null) return;
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      try {
        await call('close')();
      } finally {
        await exited;
      }
    },
  };
}
