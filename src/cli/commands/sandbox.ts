import { OptionsError, UserError } from '../../errors.js';
import { near, parseDuration } from '../../options.js';
import { FAULT_KINDS, type FaultKind } from '../../sandbox/faults.js';
import { DEFAULT_SANDBOX_KEY, type SandboxOptions } from '../../sandbox/options.js';
import { startSandbox } from '../../sandbox/server.js';
import { EXIT } from '../exit-codes.js';
import type { Call, Io } from '../io.js';

/** `memory-import sandbox`: its URL is the first line on stdout; it serves until SIGINT or SIGTERM. */
export async function sandboxCommand({ io, values }: Call): Promise<number> {
  const options = resolveSandboxOptions(values);
  const stopped = stopSignal(io);
  const sandbox = await startSandbox(options).catch((error: Error) => {
    // Its message says which port, its cause why it can't be had.
    const reason = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new UserError(`The sandbox can't start: ${error.message}${reason}. Choose another --port, or 0 for any.`, { cause: error });
  });
  io.stdout.write(`${sandbox.url}\n`);
  io.stderr.write(`An imitation of the Callers API, with nobody's data. Ctrl-C ends it.
  CALLERS_API_KEY=${options.apiKey ?? DEFAULT_SANDBOX_KEY} memory-import import samples/crm-notes.csv --base-url ${sandbox.url}
  curl ${sandbox.url}/__stats\n`);
  await stopped;
  await sandbox.close();
  return EXIT.done;
}

/** What the sandbox is asked to be; what isn't given stays its own business. @throws OptionsError with every problem */
export function resolveSandboxOptions(values: Call['values']): SandboxOptions {
  const problems: string[] = [];
  const parse = <T>(flag: string, expected: string, given: unknown, read: (text: string) => T | null): T | undefined => {
    if (given === undefined) return undefined;
    const found = read(String(given));
    if (found === null) problems.push(`${flag}: expected ${expected}, found ${JSON.stringify(given)}`);
    return found ?? undefined;
  };
  const whole = (max: number) => (text: string) => (/^\d+$/.test(text) && Number(text) <= max ? Number(text) : null);

  const options: { -readonly [Name in keyof SandboxOptions]: SandboxOptions[Name] | undefined } = {
    port: parse('--port', 'a port from 0 to 65535', values.port, whole(65535)),
    apiKey: parse('--api-key', 'a key of printable ASCII', values.apiKey, (text) => (/^[\x21-\x7e]+$/.test(text) ? text : null)),
    latencyMs: parse('--latency', 'a duration such as 20ms or 1s', values.latency, parseDuration),
    rateLimit: parse('--rate-limit', 'requests a second such as 50 or 50/s', values.rateLimit, parseRateLimit),
    faults: parseFaults(Array.isArray(values.fault) ? values.fault : [], problems),
    missing: parse('--missing', 'contact ids, with commas between', values.missing, parseList),
    seed: parse('--seed', 'a whole number', values.seed, whole(2 ** 32 - 1)),
  };
  if (problems.length > 0) throw new OptionsError(problems);
  // With what is undefined taken out, every property has its own type.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as SandboxOptions;
}

function parseRateLimit(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(text.trim());
  return found && Number(found[1]) > 0 ? Number(found[1]) : null;
}

function parseList(text: string): readonly string[] {
  return text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
}

function parseFaults(given: readonly unknown[], problems: string[]): Partial<Record<FaultKind, number>> {
  const faults: Partial<Record<FaultKind, number>> = {};
  for (const pair of given.map(String)) {
    const found = /^([^=]+)=(0|1|0?\.\d+|1\.0+|0\.)$/.exec(pair);
    const kind = FAULT_KINDS.find((known) => known === found?.[1]);
    const name = pair.split('=', 1)[0] ?? '';
    if (!kind) problems.push(`--fault: expected kind=probability, such as 500-after=0.05, found ${JSON.stringify(pair)}${kindHint(name)}`);
    else if (faults[kind] !== undefined) problems.push(`--fault: expected each kind once, found ${kind} twice`);
    else faults[kind] = Number(found?.[2]);
  }
  const sum = Object.values(faults).reduce((total, probability) => total + probability, 0);
  if (sum > 1 + 1e-9) problems.push(`--fault: expected probabilities that add up to at most 1, found ${sum}`);
  return faults;
}

function kindHint(name: string): string {
  return FAULT_KINDS.some((known) => known === name)
    ? ' (a probability is from 0 to 1)'
    : near(name, FAULT_KINDS) || ` (kinds: ${FAULT_KINDS.join(', ')})`;
}

function stopSignal(io: Io): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    io.onStopSignal((signal) => {
      signals++;
      // A request that hangs, by order, must not hold up somebody who presses Ctrl-C twice.
      if (signals > 1) io.exitNow(signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated);
      resolve();
    });
  });
}
