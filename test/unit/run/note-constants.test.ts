import { describe, expect, test } from 'vitest';
import { constantsAgain, keptConstants } from '../../../src/run/note-constants.js';

describe('constants with cells in them', () => {
  test('are kept as their columns alone, which say which note a row is, and stand for themselves when the run is read again', () => {
    const set = { name: 'Confidential note of {Create Date}', text: 'Secret {{x}}: {A}{B}', subOrg: 'so-{Org}' };
    const kept = keptConstants(set);
    expect(kept.set).toEqual({ name: '…{Create Date}', text: '…{A}{B}', subOrg: 'so-{Org}' });
    expect(JSON.stringify(kept)).not.toMatch(/Confidential|Secret/);
    expect(constantsAgain(kept, {})).toEqual({ set: kept.set, isNameKnown: false });
    expect(constantsAgain(kept, { name: set.name })).toMatchObject({ set: { name: set.name, text: '…{A}{B}' }, isNameKnown: true });
  });

  test('without any are kept as their lengths', () => {
    const kept = keptConstants({ name: 'A {{b}}' });
    expect(kept).toEqual({ set: {}, noteConstants: { name: 7 } });
    expect(constantsAgain(kept, {}).set).toEqual({ name: '…' });
  });
});
