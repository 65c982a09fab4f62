import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BENCH } from './paths.js';
import type { StubOptions } from './stub/behaviour.js';
import type { StubStats } from './stub/counters.js';

/** The stub API, in processes of its own. */
export interface Stub {
  /** Of the one that the last reset chose. */
  readonly url: string;
  /** What it is written in. */
  readonly language: 'C' | 'Node';
  /** Forgets everything and behaves like this from now on. */
  reset(options?: Partial<StubOptions>): Promise<void>;
  stats(): Promise<StubStats>;
  close(): void;
}

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly language: Stub['language'];
}

/** @param work where the program is compiled to */
export async function startStub(work: string): Promise<Stub> {
  const full = await start(process.execPath, [fileURLToPath(new URL('./stub/main.js', import.meta.url))], 'Node');
  const compiled = compile(join(work, 'stub'));
  const quick = compiled === null ? null : await start(compiled, [], 'C');
  let current = quick ?? full;
  const stats = async (response: Response) => (await response.json()) as StubStats;
  return {
    get url() {
      return current.url;
    },
    get language() {
      return current.language;
    },
    async reset(options = {}) {
      current = quick !== null && isPlain(options) ? quick : full;
      await stats(await fetch(`${current.url}/__reset`, { method: 'POST', body: JSON.stringify(options) }));
    },
    stats: async () => stats(await fetch(`${current.url}/__stats`)),
    close() {
      full.child.kill();
      quick?.child.kill();
    },
  };
}

/** What the one in C can: answer, at once or later. */
function isPlain(options: Partial<StubOptions>): boolean {
  return Object.keys(options).every((name) => name === 'latencyMs');
}

/** null where there is no C compiler: then the one in Node does everything, at three times the CPU. */
function compile(program: string): string | null {
  const { status } = spawnSync('cc', ['-O2', '-std=gnu11', '-o', program, join(BENCH, 'stub/stub.c')], { stdio: 'ignore' });
  return status === 0 ? program : null;
}

async function start(file: string, args: readonly string[], language: Stub['language']): Promise<Server> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, url: `http://127.0.0.1:${port}`, language };
}
