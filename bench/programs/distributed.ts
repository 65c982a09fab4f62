import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

// A distributed import with so many workers, from the moment when all of them wait for chunks: `distributed.js <workers> <cli> <arguments of import …>`.

const [count = '1', cli = '', ...args] = process.argv.slice(2);
const option = (name: string): string[] => args.slice(args.indexOf(name), args.indexOf(name) + 2);
const workers = Array.from({ length: Number(count) }, () =>
  spawn(process.execPath, [cli, 'worker', ...option('--base-url'), ...option('--ledger')], { stdio: ['ignore', 'ignore', 'pipe'] }),
);
await Promise.all(workers.map(untilReady));
const coordinator = spawn(process.execPath, [cli, 'import', ...args, '--distribute'], { stdio: ['ignore', 'inherit', 'inherit'] });
const [code] = (await once(coordinator, 'exit')) as [number | null];
const ended = workers.map((worker) => once(worker, 'exit'));
for (const worker of workers) worker.kill('SIGTERM');
await Promise.all(ended);
process.exitCode = code ?? 3;

/** And reads on: nobody may wait for a full pipe. */
function untilReady({ stderr }: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    stderr?.on('data', (text: Buffer) => {
      if (said.includes('worker_ready')) return;
      said += text.toString();
      if (said.includes('worker_ready')) resolve();
    });
    stderr?.on('end', () => reject(new Error(`a worker has ended: ${said}`)));
  });
}
