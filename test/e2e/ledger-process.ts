import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What `ledger-child.mjs` is to do. */
export interface ChildJob {
  readonly kind: 'hold' | 'holdTwice' | 'loop';
  /** URL of the built `ledger/sqlite.js`. */
  readonly module: string;
  readonly path: string;
  readonly runId: string;
  readonly what?: string;
  readonly tailLength?: number;
  /** `loop`: so many commits … */
  readonly batches?: number;
  /** … of so many notes each. */
  readonly size?: number;
  /** Rights are dropped to this user before the ledger is opened. */
  readonly uid?: number;
}

export interface LedgerProcess {
  readonly child: ChildProcess;
  /** Every line it has said so far. */
  readonly lines: readonly string[];
  /** Resolves once it has said this many lines, or has ended. */
  said(count: number): Promise<void>;
  /** Resolves when it has ended and everything it said was heard. */
  ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

const BUILT_LEDGER = new URL('../../dist/ledger/sqlite.js', import.meta.url).href;
const SCRIPT = fileURLToPath(new URL('ledger-child.mjs', import.meta.url));

/** @param maxFileKilobytes no file may grow beyond it (RLIMIT_FSIZE): a disk that is full */
export function startLedgerProcess(
  job: Omit<ChildJob, 'module'> & { readonly module?: string },
  { env = {}, maxFileKilobytes }: { readonly env?: Record<string, string>; readonly maxFileKilobytes?: number } = {},
): LedgerProcess {
  const command = [process.execPath, SCRIPT, JSON.stringify({ module: BUILT_LEDGER, ...job })];
  const limited = maxFileKilobytes === undefined ? command : ['bash', '-c', `ulimit -f ${maxFileKilobytes} && exec "$0" "$@"`, ...command];
  const child = spawn(limited[0]!, limited.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const check = () => {
    for (const look of [...waiting]) look();
  };
  let isOver = false;
  const reader = createInterface({ input: child.stdout! });
  reader.on('line', (line) => {
    lines.push(line);
    check();
  });
  const closed = Promise.all([once(child, 'close'), once(reader, 'close')]).then(([[code, signal]]) => {
    isOver = true;
    check();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }; // as `close` is documented
  });

  return {
    child,
    lines,
    said: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (lines.length < count && !isOver) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    ended: () => closed,
  };
}
