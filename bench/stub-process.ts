import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StubOptions } from './stub/behaviour.js';
import type { StubStats } from './stub/counters.js';

/** The stub API in its own process. */
export interface Stub {
  readonly url: string;
  /** Forgets everything and behaves like this from now on. */
  reset(options?: Partial<StubOptions>): Promise<void>;
  stats(): Promise<StubStats>;
  close(): void;
}

export async function startStub(): Promise<Stub> {
  const program = fileURLToPath(new URL('./stub/main.js', import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const url = `http://127.0.0.1:${port}`;
  const stats = async (response: Response) => (await response.json()) as StubStats;
  return {
    url,
    async reset(options = {}) {
      await stats(await fetch(`${url}/__reset`, { method: 'POST', body: JSON.stringify(options) }));
    },
    stats: async () => stats(await fetch(`${url}/__stats`)),
    close: () => void child.kill(),
  };
}
