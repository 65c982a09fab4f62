import { describe, expect, it } from 'vitest';
import { exitCodeOfError, exitCodeOfPlan, exitCodeOfSummary } from '../../../src/cli/exit-codes.js';
import { explainError } from '../../../src/cli/explain-error.js';
import { LedgerError, LedgerHeldError, OptionsError, StoppedError, UserError } from '../../../src/errors.js';
import { fakeIo } from './fake-io.js';

describe('exit codes', () => {
  it.each([
    ['completed', null, 0],
    ['completed', 'SIGINT', 0],
    ['completed_with_failures', null, 1],
    ['stopped', null, 3],
    ['stopped', 'SIGTERM', 3],
    ['interrupted', 'SIGINT', 130],
    ['interrupted', 'SIGTERM', 143],
    ['interrupted', null, 130],
  ] as const)('a run that %s (signal: %s) ends with %d', (status, signal, code) => {
    expect(exitCodeOfSummary({ status }, signal)).toBe(code);
  });

  it.each([
    [new UserError('x'), 2],
    [new OptionsError(['x']), 2],
    [new LedgerHeldError('x'), 4],
    [new LedgerError('x'), 3],
    [new StoppedError('outage', 'x', true), 3],
    [new TypeError('a bug'), 3],
    ['thrown text', 3],
  ])('%s ends with %d', (error, code) => {
    expect(exitCodeOfError(error)).toBe(code);
  });
});

describe('a plan', () => {
  it.each([
    [0, null, 0],
    [3, null, 1],
    [0, 'a quote never closes', 3],
    [3, 'a quote never closes', 3],
  ])('with %d failures that stopped because of %s ends with %d', (failed, stoppedBecause, code) => {
    expect(exitCodeOfPlan({ counts: { failed }, refusedFor: [], stoppedBecause })).toBe(code);
  });

  it('that found damage which keeps an import from starting ends with 2', () => {
    expect(exitCodeOfPlan({ counts: { failed: 3 }, refusedFor: ['mojibake'], stoppedBecause: null })).toBe(2);
  });
});

describe('an error', () => {
  const explained = (error: unknown, argv = ['import', 'notes.csv']) => {
    const { io, written } = fakeIo();
    const code = explainError({ error, argv, version: '1.2.3', stderr: io.stderr });
    return { code, text: written.stderr };
  };

  it("of the user's is told in words, each problem on a line, without a stack", () => {
    expect(explained(new OptionsError(['--a: expected b', '--c: expected d']))).toEqual({
      code: 2,
      text: "memory-import import can't start:\n  --a: expected b\n  --c: expected d\nmemory-import import --help lists the options.\n",
    });
    expect(explained(new UserError('No such file'), ['import', '--log-level', 'debug']).text).toBe('memory-import: No such file\n');
    expect(explained(new LedgerHeldError('Another run holds it'))).toEqual({ code: 4, text: 'memory-import: Another run holds it\n' });
  });

  it("shows what a terminal would obey in a file's name or a header as JSON writes it", () => {
    expect(explained(new UserError('\u001b]0;x\u0007\u001b[2J\rno\u009b2J\u202ecsv: not there\nsecond line')).text).toBe(
      'memory-import: \\u001b]0;x\\u0007\\u001b[2J\\u000dno\\u009b2J\\u202ecsv: not there\nsecond line\n',
    );
  });

  it('of ours asks to report it, and shows its stack to who asked for it only', () => {
    const quiet = explained(new TypeError('x is not a function'));
    expect(quiet.code).toBe(3);
    expect(quiet.text).toMatch(/unexpected error: x is not a function\n.*bug.*1\.2\.3/);
    expect(quiet.text).not.toMatch(/^ +at /m);
    for (const words of [['--log-level', 'debug'], ['--log-level=trace']]) {
      expect(explained(new TypeError('x'), ['import', ...words]).text).toMatch(/^ +at /m);
    }
  });
});
