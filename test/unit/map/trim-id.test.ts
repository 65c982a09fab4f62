import { describe, expect, it, test } from 'vitest';
import { hasHiddenEnds, trimId } from '../../../src/map/trim-id.js';

describe('trimId', () => {
  it.each(['a b', ' a b', 'a b\u00a0', '\u200ba b\u200b', '\ufeffa b \u2060', '\ta b\u3000'])('makes "a b" of %j', (id) =>
    expect(trimId(id)).toBe('a b'),
  );
});

test('what nobody sees around an id is cut off, and told; blanks are only cut off', () => {
  for (const end of ['\u00a0', '\u200b', '\ufeff', '\u202a', '\u2060', ' \u00a0 ']) {
    for (const cell of [`${end}C-1`, `C-1${end}`, `${end}C-1${end}`]) {
      expect([trimId(cell), hasHiddenEnds(cell)]).toEqual(['C-1', true]);
    }
  }
  for (const cell of ['C-1', ' C-1\t', 'é', 'C\u200b1', '']) expect([trimId(cell), hasHiddenEnds(cell)]).toEqual([cell.trim(), false]);
});
