import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../../src/cli/command-specs.js';
import { EXIT } from '../../../src/cli/exit-codes.js';
import { toImportOptions } from '../../../src/cli/import-options.js';
import type { Call } from '../../../src/cli/io.js';
import { runProgram } from '../../../src/cli/program.js';
import { withWorkerStatus } from '../../../src/cli/worker-status.js';
import { resolveOptions } from '../../../src/options.js';
import { createRunMetrics } from '../../../src/report/metrics.js';
import { parsePrometheus } from '../../support/prometheus.js';
import { fakeIo } from '../cli/fake-io.js';

const root = new URL('../../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const FILES = ['crontab', 'memory-import.service', 'kubernetes/cronjob.yaml', 'alerts.yaml'] as const;
const [crontab, service, cronjob, alerts] = FILES.map((name) => read(`deploy/${name}`)) as [string, string, string, string];

/** The words of every memory-import command that the examples start. */
const commands: readonly (readonly [string, readonly string[]])[] = [
  ...[...crontab.matchAll(/^[^#\n]*&& memory-import ([^>|\n]*)/gm)].map(([, words]) => ['crontab', split(words)] as const),
  ...[...service.matchAll(/^Exec\w+=\S*memory-import (.*)$/gm)].map(([, words]) => ['memory-import.service', split(words)] as const),
  ...[...cronjob.matchAll(/^ +args: (\[.*\])$/gm)].map(
    ([, words]) => ['kubernetes/cronjob.yaml', JSON.parse(words ?? '[]') as string[]] as const,
  ),
];

describe('the examples in deploy/', () => {
  it('each import, and each prune old report files', () => {
    const found = commands.map(([file, [command = '']]) => `${file}: ${command}`);
    expect(found).toEqual(FILES.slice(0, 3).flatMap((file) => [`${file}: import`, `${file}: runs`]));
  });

  it.each(commands)('%s: the command line is taken as it stands: %j', async (_file, words) => {
    const calls: Call[] = [];
    const { io, written } = fakeIo();
    const noted = COMMANDS.map((spec) => ({
      ...spec,
      load: async () => async (call: Call) => {
        calls.push(call);
        return 0;
      },
    }));
    expect(await runProgram({ argv: words, io, commands: noted }), written.stderr).toBe(0);
    const { apiKeyFile, prune, ...options } = { ...toImportOptions(calls[0]!) } as Record<string, unknown>;
    const isImport = words[0] === 'import';
    expect(apiKeyFile !== undefined).toBe(isImport);
    expect(prune !== undefined).toBe(!isImport);
    expect(() => resolveOptions({ ...options, apiKey: 'k' }, {}, { key: false, inputs: isImport })).not.toThrow();
  });

  it('each say what every exit code means', () => {
    for (const text of [crontab, service, cronjob]) {
      for (const code of [EXIT.done, EXIT.someFailed, EXIT.couldNotStart, EXIT.stopped, EXIT.ledgerHeld]) {
        expect(text).toMatch(new RegExp(`^# {3}${code} {4}\\S`, 'm'));
      }
      expect(text).toContain(`${EXIT.interrupted}, ${EXIT.terminated}`);
    }
  });

  it('leave a run the time to end in order when it is told to stop', () => {
    const { timeoutMs } = resolveOptions({ inputs: ['a.csv'], apiKey: 'k' }, {});
    const seconds = [/^TimeoutStopSec=(\d+)$/m.exec(service), /terminationGracePeriodSeconds: (\d+)/.exec(cronjob)].map((found) =>
      Number(found?.[1]),
    );
    for (const grace of seconds) expect(grace * 1000).toBeGreaterThan(2 * timeoutMs);
    expect(service).toMatch(/^KillSignal=SIGTERM$/m);
    expect(service).toMatch(new RegExp(`^SuccessExitStatus=${EXIT.ledgerHeld} ${EXIT.interrupted} ${EXIT.terminated}$`, 'm'));
  });

  it('and the README and the alerts name only metrics that there are', async () => {
    const ends = { endedAt: 0, exitCode: 0, completedAt: 0, succeededAt: 0 };
    const metrics = createRunMetrics({ importName: 'x', version: '1' });
    const text = await metrics.text({ startedAt: 0, at: 0, running: false, ended: ends });
    const ofRun = parsePrometheus(text).families;
    let served = '';
    await withWorkerStatus({ values: { metricsPort: '127.0.0.1:0' } }, async ({ url }) => {
      served = await (await fetch(`${url}/metrics`)).text();
      return 0;
    });
    const ofWorker = [...parsePrometheus(served).families].filter(([name]) => name.startsWith('memory_import_'));
    const names = new Map([...ofRun, ...ofWorker]);
    for (const [file, content] of [
      ['alerts.yaml', alerts],
      ['README.md', read('README.md')],
    ] as const) {
      const used = [...new Set(content.match(/memory_import_(?!queue\b)\w+/g))];
      expect(used.length, file).toBeGreaterThan(5);
      expect(
        used.filter((name) => !names.has(name)),
        file,
      ).toEqual([]);
    }
    // And the README all of them.
    const readme = read('README.md');
    expect([...names.keys()].filter((name) => !readme.includes(name))).toEqual([]);
  });

  it('the alerts are rules of ours', () => {
    const { groups } = parse(alerts) as { groups: { rules: { alert: string; expr: string }[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(5);
    for (const { alert, expr } of rules) {
      expect(alert).toMatch(/^MemoryImport[A-Z]/);
      expect(expr).toContain('memory_import_');
    }
  });

  it.skipIf(!runs('systemd-analyze', ['--version']))('are units that systemd takes (skipped without systemd-analyze)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'memory-import-units-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // It wants the program to be there.
    writeFileSync(join(folder, 'memory-import.service'), service.replaceAll('/usr/local/bin/memory-import', '/bin/true'));
    copyFileSync(new URL('deploy/memory-import.timer', root), join(folder, 'memory-import.timer'));
    const units = ['service', 'timer'].map((kind) => join(folder, `memory-import.${kind}`));
    const said = execFileSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    expect(said).toBe('');
  });
});

function split(words: string | undefined): string[] {
  return (words ?? '').trim().split(/ +/);
}

function runs(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, [...args], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
