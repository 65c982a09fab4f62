import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input; none by default. */
  readonly stdin?: string;
  readonly cwd?: string;
  /** Where standard error goes; default: thrown away. */
  readonly stderr?: string;
}

/** What a process and its descendants took. */
export interface Spent {
  readonly exitCode: number | null;
  /** From its start to its end. */
  readonly seconds: number;
  /** User and system, all processes together, in steps of 10 ms. */
  readonly cpuSeconds: number;
  /** The most that its largest process ever had resident, in MB of 2^20 bytes. */
  readonly peakMb: number;
  readonly stdout: string;
}

const TICKS_PER_SECOND = 100;
const LOOK_EVERY_MS = 40;
/** Runs the command as its child and then writes its own line of /proc: in it is what its children took, and theirs. */
const WRAPPER = '"$@"; code=$?; read -r line < /proc/$$/stat; echo "$line" >&3; exit $code';

/** Runs a command to its end and measures it; Linux only, since the kernel's counters are read from /proc. */
export async function measure(command: Command): Promise<Spent> {
  const stdin = command.stdin === undefined ? ('ignore' as const) : openSync(command.stdin, 'r');
  const stderr = command.stderr === undefined ? ('ignore' as const) : openSync(command.stderr, 'a');
  const startedAt = performance.now();
  const child = spawn('/bin/sh', ['-c', WRAPPER, 'sh', command.file, ...command.args], {
    cwd: command.cwd,
    // A group of its own, so that none of them outlives a benchmark that is stopped.
    detached: true,
    env: { ...process.env, ...command.env },
    stdio: [stdin, 'pipe', stderr, 'pipe'],
  });
  const end = (): void => endGroup(child.pid);
  process.on('exit', end);
  if (typeof stdin === 'number') closeSync(stdin);
  if (typeof stderr === 'number') closeSync(stderr);
  let peakMb = 0;
  // The kernel keeps the peak; the last look before the end is close enough.
  const watch = setInterval(() => {
    for (const pid of childrenOf(child.pid!)) peakMb = Math.max(peakMb, peakOf(pid));
  }, LOOK_EVERY_MS);
  // The fourth entry of `stdio` above is a pipe to read from.
  const [stdout, stat, [exitCode]] = await Promise.all([
    text(child.stdout!),
    text(child.stdio[3] as NodeJS.ReadableStream),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(watch);
  process.off('exit', end);
  return { exitCode, seconds, cpuSeconds: cpuOfChildren(stat), peakMb: Math.round(peakMb), stdout };
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Fields 16 and 17 of /proc/<pid>/stat; the name in field 2 may hold spaces, so they are counted from behind it. */
function cpuOfChildren(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

function childrenOf(pid: number): readonly string[] {
  return readOrNothing(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);
}

function peakOf(pid: string): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readOrNothing(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/** A process may be gone before it is looked at. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
