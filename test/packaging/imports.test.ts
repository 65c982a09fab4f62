import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The rules on who may import whom, as biome.json and .ci/lint/ enforce them. Each line is written into a file of that name, all are linted at once.

const root = fileURLToPath(new URL('../../', import.meta.url));
const STAGES = 'This import crosses stages';
const TYPE_ONLY = "another stage's port as a type only";
const ONE_FILE = 'One third-party package, one file';
const CYCLE = 'part of a cycle';

const REFUSED: readonly (readonly [file: string, line: string, rule: string])[] = [
  ['src/read/a.ts', "import { checkNote } from '../map/schema.js';", STAGES],
  ['src/read/a.ts', "import type { FieldProblem } from '../map/schema.js';", STAGES],
  ['src/read/a.ts', "export { fingerprintOf } from '../map/fingerprint.js';", STAGES],
  ['src/read/a.ts', "export const later = () => import('../map/mapper.js');", STAGES],
  ['src/read/a.ts', "import type { ResolvedOptions } from '../options.js';", STAGES],
  ['src/read/a.ts', "import type { Ledger } from '../ledger/ledger.js';", STAGES],
  ['src/map/a.ts', "import type { RunContext } from '../run/conclude.js';", STAGES],
  ['src/ledger/a.ts', "import type { CallersApi } from '../callers/api.js';", STAGES],
  ['src/callers/a.ts', "import type { WriteMode } from '../ledger/sqlite.js';", STAGES],
  ['src/dispatch/a.ts', "import type { Client } from '../callers/client.js';", STAGES],
  ['src/report/a.ts', "import type { Io } from '../cli/io.js';", STAGES],
  ['src/sandbox/a.ts', "import type { Verdict } from '../model.js';", STAGES],
  ['src/brand-new/a.ts', "import type { Draft } from '../model.js';", STAGES],
  ['src/model.ts', "import type { NoteState } from './ledger/ledger.js';", STAGES],
  ['src/model.ts', "import { UserError } from './errors.js';", STAGES],
  ['src/model-plan.ts', "import { UserError } from './errors.js';", STAGES],
  ['src/errors.ts', "import type { ImportOptions } from './options.js';", STAGES],
  ['src/shorten.ts', "import { show } from './option-values.js';", STAGES],
  ['src/clock.ts', "import { createPool } from './dispatch/pool.js';", STAGES],
  ['src/index.ts', "export { createClient } from './callers/client.js';", STAGES],
  ['src/import.ts', "import { runProgram } from './cli/program.js';", STAGES],
  ['src/run/rows.ts', "import { EXIT } from '../cli/exit-codes.js';", STAGES],
  ['src/cli/a.ts', "import { openLedger } from '../ledger/sqlite.js';", STAGES],
  ['src/cli/commands/a.ts', "import { createClient } from '../../callers/client.js';", STAGES],
  ['src/dispatch/a.ts', "import { judge } from '../callers/reconcile.js';", TYPE_ONLY],
  ['src/dispatch/a.ts', "import { type PageSense, createPageSense } from '../callers/reconcile.js';", TYPE_ONLY],
  ['src/dispatch/a.ts', "export { createLedgerWriter } from '../ledger/writer.js';", TYPE_ONLY],
  ['src/read/a.ts', "import { z } from 'zod';", ONE_FILE],
  ['src/read/a.ts', "import { parse } from 'csv-parse/sync';", ONE_FILE],
  ['src/map/mapper.ts', "import { object } from 'zod';", ONE_FILE],
  ['src/import.ts', "import pLimit from 'p-limit';", ONE_FILE],
  ['src/report/page.ts', "await import('echarts/core');", ONE_FILE],
  ['src/cli/main.ts', "await import('pino');", ONE_FILE],
  ['src/callers/client.ts', "import 'a-new-package';", ONE_FILE],
  ['src/callers/client.ts', "export * from 'commander';", ONE_FILE],
  ['src/report/one.ts', "import { b } from './two.js';", CYCLE],
  ['src/report/two.ts', "import { a } from './one.js';", CYCLE],
  ['src/report/three.ts', "import type { B } from './four.js';", CYCLE],
  ['src/report/four.ts', "import type { A } from './three.js';", CYCLE],
];

const ALLOWED: readonly (readonly [file: string, line: string])[] = [
  ['src/read/csv.ts', "import { open } from 'node:fs/promises';"],
  ['src/read/csv.ts', "import { parse } from 'csv-parse';"],
  ['src/read/csv.ts', "import { UserError } from '../errors.js';"],
  ['src/report/page.ts', "import type { Plan } from '../model-plan.js';"],
  ['src/report/page.ts', "import { VERIFY_VERDICTS } from '../model-after-run.js';"],
  ['src/read/csv.ts', "import { findHeader } from './header.js';"],
  ['src/report/last-word.ts', "import { quoteForShell } from '../shell-quote.js';"],
  ['src/read/header.ts', "import type { Options } from 'csv-parse';"],
  ['src/dispatch/dispatch.ts', "import type { LedgerWriter } from '../ledger/writer.js';"],
  ['src/dispatch/dispatch.ts', "import { assertNever } from '../model.js';"],
  ['src/callers/reconcile.ts', "import type { ContactKnowledge } from '../ledger/ledger.js';"],
  ['src/plan.ts', "import { openLedger } from './ledger/sqlite.js';"],
  ['src/plan.ts', "import { near } from './options.js';"],
  ['src/run/intake.ts', "import { readCsv } from '../read/csv.js';"],
  ['src/run/intake.ts', "import type { ResolvedOptions } from '../options.js';"],
  ['src/cli/commands/plan.ts', "import { planImport } from '../../plan.js';"],
  ['src/cli/commands/plan.ts', "import { planText } from '../../report/plan-text.js';"],
  ['src/report/one.ts', 'export const a = b;'],
  ['src/report/two.ts', 'export const b = a;'],
  ['src/report/three.ts', 'export type A = B | 1;'],
  ['src/report/four.ts', 'export type B = A | 2;'],
  ['test/unit/any.test.ts', "import { z } from 'zod';"],
  ['test/unit/any.test.ts', "import { judge } from '../../src/callers/reconcile.js';"],
];

const folder = mkdtempSync(join(tmpdir(), 'memory-import-lint-'));
// Below a folder called src, as people keep their checkouts: the rules must not take that for ours.
const project = join(folder, 'src/checkout');
let complaints: ReadonlyMap<string, string>;

beforeAll(() => {
  mkdirSync(project, { recursive: true });
  for (const file of ['biome.json', '.ci/lint']) cpSync(join(root, file), join(project, file), { recursive: true });
  complaints = lint(writeFiles());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(REFUSED)('%s may not say %s', (file, line, rule) => {
  expect(complaints.get(`${file}: ${line}`) ?? 'not a word').toMatch(rule);
});

test.each(ALLOWED)('%s may say %s', (file, line) => {
  expect(complaints.get(`${file}: ${line}`)).toBeUndefined();
});

function writeFiles(): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const [file, line] of [...REFUSED, ...ALLOWED]) files.set(file, [...(files.get(file) ?? []), line]);
  for (const [file, lines] of files) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), `${lines.join('\n')}\n`);
  }
  return files;
}

/** What the plugins and the rule on cycles said, by `file: line`; other rules have much to say about such files, and are of no interest here. */
function lint(files: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, string> {
  const biome = join(root, 'node_modules/.bin/biome');
  const args = ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=github', '.'];
  const { stdout, error } = spawnSync(biome, args, { cwd: project, encoding: 'utf8' });
  if (error) throw error;
  const said = new Map<string, string>();
  for (const [, category, path, number, message] of stdout.matchAll(/^::\w+ title=([^,]+),file=([^,]+),line=(\d+).*?::(.*)$/gm)) {
    if (category !== 'plugin' && category !== 'lint/suspicious/noImportCycles') continue;
    const file = path?.slice(path.indexOf(project) + project.length + 1) ?? '';
    const place = `${file}: ${files.get(file)?.[Number(number) - 1]}`;
    said.set(place, `${said.get(place) ?? ''}${message}\n`);
  }
  return said;
}
