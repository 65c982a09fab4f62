import type { Presence } from '../callers/compare.js';
import { asStop, asStopOfAny } from '../dispatch/halt.js';
import { createPermits } from '../dispatch/permits.js';
import type { CreatedNote, Ledger } from '../ledger/ledger.js';
import { assertNever } from '../model.js';
import type { VerifiedNote } from '../model-after-run.js';
import { compareWithList } from './compare-notes.js';
import type { Connection } from './connection.js';
import type { ContactGroup } from './contact-groups.js';

export interface CheckedContact {
  readonly list: 'listed' | 'gone' | 'failed';
  readonly notes: readonly VerifiedNote[];
}

export interface ContactCheck {
  readonly groups: AsyncIterable<ContactGroup>;
  readonly connection: Pick<Connection, 'persistence' | 'pages' | 'halt' | 'clock'>;
  readonly ledger: Pick<Ledger, 'contact'>;
  readonly concurrency: number;
  /** Epoch ms: a list asked for earlier may show a memory late, so absence isn't believed before. */
  readonly believedFrom: number;
  /** In the order of the groups; the next is handed over when this resolves. */
  readonly take: (checked: CheckedContact) => Promise<void>;
}

/** Contacts ahead of the one that is to be handed over next, for each request that may be under way. */
const AHEAD = 2;

/** Lists each contact and compares, side by side. Bounded by the contacts under way, and in the order of the groups. */
export async function checkContacts(check: ContactCheck): Promise<void> {
  const { groups, connection, concurrency, take } = check;
  const { halt } = connection;
  const places = createPermits(concurrency * AHEAD);
  let last: Promise<void> = Promise.resolve();
  let bug: unknown = null;
  const fail = (error: unknown): void => {
    if (asStop(error) === null) bug ??= error;
    halt.stop(asStopOfAny(error));
  };

  try {
    for await (const group of groups) {
      await places.acquire(1);
      if (halt.signal.aborted) {
        places.release(1);
        break;
      }
      const checked = checkContact(group, check);
      checked.catch(() => {}); // told below, when its turn has come
      const before = last;
      last = (async () => {
        try {
          await before;
          const result = await checked;
          if (result !== null) await take(result);
        } catch (error) {
          fail(error);
        } finally {
          places.release(1);
        }
      })();
    }
  } catch (error) {
    fail(error);
  }
  await places.idle();
  if (bug !== null) throw bug;
}

/** null where the command was stopped first. */
async function checkContact(group: ContactGroup, check: ContactCheck): Promise<CheckedContact | null> {
  const { connection, believedFrom } = check;
  const { clock, halt } = connection;
  const first = await listAndCompare(group, check);
  const isTooSoon = clock.now() < believedFrom;
  if (first === null || !isTooSoon || first.notes.every(({ verdict }) => verdict !== 'missing')) return first;
  await clock.sleep(believedFrom - clock.now(), halt.signal);
  return listAndCompare(group, check);
}

async function listAndCompare(group: ContactGroup, check: ContactCheck): Promise<CheckedContact | null> {
  const [address] = group;
  if (address === undefined) return { list: 'listed', notes: [] };
  const list = await check.connection.persistence.list(address);
  if (list === null) return null;
  switch (list.kind) {
    case 'gone':
      return { list: 'gone', notes: group.map((note) => ({ ...lineOf(note), verdict: 'contact_gone', message: list.message })) };
    case 'failed':
      return { list: 'failed', notes: group.map((note) => ({ ...lineOf(note), verdict: 'unknown', message: list.message })) };
    case 'listed': {
      const presences = await compareWithList(group, list.memories, check);
      if (presences === null) return null;
      return { list: 'listed', notes: group.map((note, i) => ({ ...lineOf(note), ...verdictOf(presences[i]!) })) };
    }
    default:
      return assertNever(list);
  }
}

function lineOf({ row, contactId, subOrg, memoryId }: CreatedNote): Omit<VerifiedNote, 'verdict' | 'message'> {
  return { row, contactId, subOrg, memoryId, otherIds: [] };
}

function verdictOf(presence: Presence): Pick<VerifiedNote, 'verdict' | 'otherIds' | 'message'> & Partial<Pick<VerifiedNote, 'memoryId'>> {
  switch (presence.kind) {
    case 'match': {
      const { memory, otherIds, byContent } = presence;
      const remarks = [
        ...(otherIds.length > 0 ? ['the same content is there under several ids'] : []),
        ...(byContent ? ['its id was never learnt: found by its content'] : []),
        ...(memory.status !== null && memory.status !== 'ACTUAL' ? [`its status is ${memory.status}`] : []),
      ];
      return { verdict: otherIds.length > 0 ? 'twice' : 'match', memoryId: memory.id, otherIds, message: remarks.join('; ') };
    }
    case 'altered':
      return { verdict: 'altered', otherIds: [], message: "its name or text isn't what was sent" };
    case 'missing':
      return { verdict: 'missing', otherIds: presence.otherIds, message: presence.message };
    case 'unproven':
      return { verdict: 'unproven', otherIds: [], message: presence.message };
    default:
      return assertNever(presence);
  }
}
