import { describe, expect, test } from 'vitest';
import type { ListedMemory } from '../../../src/callers/api.js';
import { type Comparison, compareContact, type SoughtNote } from '../../../src/callers/compare.js';

const hashOf = (name: string, text: string) => `${name}/${text}`;

function note(memoryId: string | null, content = 'n/t', claimedAt = 10_000): SoughtNote {
  return { sentHash: content, memoryId, claimedAt, skewMs: null };
}

function memory(id: string, content = 'n/t', rest: Partial<ListedMemory> = {}): ListedMemory {
  const [name = '', text = ''] = content.split('/');
  return { id, name, text, status: 'ACTUAL', createdAt: 20_000, createdAtText: null, ...rest };
}

async function compare(notes: readonly SoughtNote[], memories: readonly ListedMemory[], rest: Partial<Comparison> = {}) {
  let asked = 0;
  const { known = async () => ({ memoryIds: new Set<string>(), unidentified: [] }), ...more } = rest;
  const counted = () => {
    asked++;
    return known();
  };
  const isDeleted = ({ status }: ListedMemory) => status === 'DELETED';
  const found = await compareContact({ notes, memories, known: counted, mayBePage: false, hashOf, isDeleted, ...more });
  const brief = found.map((presence) => {
    if (presence.kind === 'match') return ['match', presence.memory.id, ...presence.otherIds].join(' ');
    return presence.kind === 'missing' ? ['missing', ...presence.otherIds].join(' ') : presence.kind;
  });
  return { brief, asked };
}

describe('a contact compared with its list', () => {
  test('asks the ledger only where the content is there under an id that is none of the notes\u2019', async () => {
    expect(await compare([note('a'), note('b')], [memory('a'), memory('b'), memory('z', 'x/y')])).toEqual({
      brief: ['match a', 'match b'],
      asked: 0,
    });
    expect(await compare([note('a')], [memory('a'), memory('z')])).toEqual({ brief: ['match a z'], asked: 1 });
  });

  test('a copy that answers for another note of the ledger is nobody\u2019s copy: by its id, or as one of as many as have none', async () => {
    const memories = [memory('a'), memory('b'), memory('c', 'n/t', { createdAt: 30_000 })];
    const knownIds = async () => ({ memoryIds: new Set(['b', 'c']), unidentified: [] });
    expect((await compare([note('a')], memories, { known: knownIds })).brief).toEqual(['match a']);
    const oneUnnamed = async () => ({ memoryIds: new Set<string>(), unidentified: ['n/t', 'x/y'] });
    expect((await compare([note('a')], memories, { known: oneUnnamed })).brief).toEqual(['match a b']);
    // This run's own unnamed note is among those that the ledger counts.
    expect((await compare([note('a'), note(null)], memories, { known: oneUnnamed })).brief).toEqual(['match a c', 'match b']);
  });

  test('a note of a rebuilt ledger, which doesn\u2019t know what was sent, is known by its id, and never altered', async () => {
    expect((await compare([note('a', '')], [memory('a')])).brief).toEqual(['match a']);
    expect((await compare([note('a', '')], [])).brief).toEqual(['missing']);
    expect((await compare([note(null, '')], [memory('a')])).brief).toEqual(['unproven']);
    // A copy of another note may be the memory of one that is known by nothing.
    const nameless = async () => ({ memoryIds: new Set<string>(), unidentified: [''] });
    expect((await compare([note('a')], [memory('a'), memory('b')], { known: nameless })).brief).toEqual(['match a']);
  });

  test('a note without an id takes the oldest that is young enough, two of them two', async () => {
    const memories = [
      memory('young', 'n/t', { createdAt: 30_000 }),
      memory('mid', 'n/t', { createdAt: 9_000 }),
      memory('old', 'n/t', { createdAt: 7_000 }),
    ];
    const unnamed = async () => ({ memoryIds: new Set<string>(), unidentified: ['n/t', 'n/t'] });
    expect((await compare([note(null), note(null)], memories, { known: unnamed })).brief).toEqual(['match mid old', 'match young']);
    expect((await compare([note(null)], [memory('old', 'n/t', { createdAt: 7_000 })])).brief).toEqual(['unproven']);
    expect((await compare([note(null)], [memory('dateless', 'n/t', { createdAt: null })])).brief).toEqual(['unproven']);
    // By the server's clock, which was an hour behind.
    const behind = { ...note(null), skewMs: -3_600_000, claimedAt: 3_600_000 };
    expect((await compare([behind], [memory('old', 'n/t', { createdAt: 7_000 })])).brief).toEqual(['match old']);
  });

  test('what is deleted, altered, elsewhere or not shown is told apart', async () => {
    expect((await compare([note('a')], [memory('a', 'n/t', { status: 'DELETED' })])).brief).toEqual(['missing']);
    expect((await compare([note('a')], [memory('a', 'n/other')])).brief).toEqual(['altered']);
    expect((await compare([note('a')], [memory('z')])).brief).toEqual(['missing z']);
    expect((await compare([note('a')], [memory('z', 'n/t', { status: 'DELETED' })])).brief).toEqual(['missing']);
    expect((await compare([note('a'), note('b', 'x/y')], [memory('b', 'x/y')], { mayBePage: true })).brief).toEqual([
      'unproven',
      'match b',
    ]);
    expect((await compare([note(null)], [])).brief).toEqual(['missing']);
  });
});
