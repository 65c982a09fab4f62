import { listByPhone } from '../callers/by-phone.js';
import { createClient } from '../callers/client.js';
import { createPageSense, type PageSense } from '../callers/reconcile.js';
import { createAim } from '../dispatch/aim.js';
import { createGate } from '../dispatch/gate.js';
import { createHalt, type Halt, stopOnSignal } from '../dispatch/halt.js';
import { createPersistence, type Persistence } from '../dispatch/persist.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock, Emit, RunId } from '../model.js';
import type { Ending } from '../model-after-run.js';
import type { ResolvedOptions } from '../options.js';
import { publicMessage } from '../report/public-message.js';
import { USER_AGENT } from '../version.js';
import type { AfterRunHooks } from './known-run.js';

/** The API, through the same gate as an import's: pool, pace, 429s, outages. */
export interface Connection {
  readonly persistence: Persistence;
  readonly pages: PageSense;
  readonly halt: Halt;
  readonly clock: Clock;
  requests(): { readonly sent: number; readonly rateLimited: number };
  /** How the command ended, now. */
  ending(runId: RunId, startedAt: number, isAllWell: boolean): Ending;
  close(): Promise<void>;
}

export function connect(given: {
  readonly options: ResolvedOptions;
  readonly hooks: AfterRunHooks;
  readonly ledger: Pick<Ledger, 'largestContact' | 'contactOf'>;
  readonly clock: Clock;
}): Connection {
  const { options, hooks, ledger, clock } = given;
  let sent = 0;
  let rateLimited = 0;
  const emit: Emit = (event) => {
    if (event.type === 'request' && event.sent) sent++;
    if (event.type === 'rate_limited') rateLimited++;
    hooks.onEvent?.(event);
  };
  const halt = createHalt(({ reasonCode, message }) => emit({ type: 'stopping', reasonCode, reason: message }));
  const release = stopOnSignal(hooks.signal, halt);
  const client = createClient({
    baseUrl: options.baseUrl,
    apiKey: options.apiKey,
    timeoutMs: options.timeoutMs,
    connections: options.concurrency,
    userAgent: USER_AGENT,
    env: hooks.env ?? process.env,
    now: clock.now,
  });
  // What is learnt here, a deletion or a list doesn't need to keep.
  const api = listByPhone(client, { contactOf: ledger.contactOf, learn: () => {} });
  const pages = createPageSense();
  const gate = createGate({ api, clock, halt, emit, aim: createAim(halt, () => true), publicMessage, ...options });
  return {
    persistence: createPersistence({ gate, clock, halt, retries: options.retries, pages, ledger }),
    pages,
    halt,
    clock,
    requests: () => ({ sent, rateLimited }),
    ending: (runId, startedAt, isAllWell) => endingOf({ runId, startedAt, finishedAt: clock.now(), isAllWell, reason: halt.reason }),
    async close() {
      release();
      await api.close();
    },
  };
}

export function endingOf(ended: {
  readonly runId: RunId;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly isAllWell: boolean;
  readonly reason: Halt['reason'];
}): Ending {
  const { runId, startedAt, finishedAt, isAllWell, reason } = ended;
  const whole = isAllWell ? 'completed' : 'completed_with_failures';
  return {
    runId,
    status: reason === null ? whole : reason.reasonCode === 'signal' ? 'interrupted' : 'stopped',
    reasonCode: reason?.reasonCode ?? null,
    reason: reason === null ? null : publicMessage(reason.message, null, 1000),
    continues: reason?.continues ?? true,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: new Date(finishedAt).toISOString(),
    durationMs: Math.max(0, Math.round(finishedAt - startedAt)),
  };
}
