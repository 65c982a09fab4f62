import { recordIdOf } from './record-id.js';

/** Which contact of Callers a CRM's id means. */
export interface Crosswalk {
  /** How many ids it knows. */
  readonly size: number;
  /** null: it doesn't know the id. */
  find(crmId: string): CallersContact | null;
  /**
   * @param line where the entry stands, from 1
   * @returns the line where the same id stands with another contact, which then stays; null where all is well
   */
  add(crmId: string, contact: CallersContact, line: number): number | null;
}

/** One that takes no more than so much memory. */
export interface BoundedCrosswalk extends Omit<Crosswalk, 'add'> {
  /** As above; `full`: it knows no such id, and takes no further one from now on. */
  add(crmId: string, contact: CallersContact, line: number): number | null | 'full';
}

export interface CallersContact {
  readonly contactId: string;
  /** null: the entry names none. */
  readonly subOrg: string | null;
}

/**
 * Five million ids take some 400 MB: entries lie end to end in large buffers outside of the heap, and a table of 4 bytes a place leads to
 * them (open addressing, at most two thirds full). A Salesforce id of 18 characters is the same as its first 15.
 * @param maxBytes of buffers and table together; while the table grows the smaller one is there too
 */
export function createCrosswalk(maxBytes: number = Number.POSITIVE_INFINITY): BoundedCrosswalk {
  const blocks: Buffer[] = [];
  let free = 0;
  let isFull = false;
  let size = 0;
  let slots = new Uint32Array(FIRST_SLOTS);
  const subOrgs: (string | null)[] = [null];
  const subOrgNumbers = new Map<string | null, number>([[null, 0]]);
  const scratch = Buffer.allocUnsafe(MAX_ID_BYTES);

  const entryAt = (position: number): { readonly block: Buffer; readonly at: number } => {
    const offset = (position - 1) * ALIGNMENT;
    return { block: blocks[Math.floor(offset / BLOCK_BYTES)]!, at: offset % BLOCK_BYTES };
  };

  /** The slot of the key in `scratch`, or the empty one where it would go. */
  const slotOf = (keyBytes: number): number => {
    let slot = hashOf(scratch, 0, keyBytes) % slots.length;
    for (;;) {
      const position = slots[slot]!;
      if (position === 0) return slot;
      const { block, at } = entryAt(position);
      if (block.readUInt16LE(at) === keyBytes && scratch.compare(block, at + HEAD_BYTES, at + HEAD_BYTES + keyBytes, 0, keyBytes) === 0)
        return slot;
      slot = slot + 1 === slots.length ? 0 : slot + 1;
    }
  };

  const contactAt = (position: number): CallersContact => {
    const { block, at } = entryAt(position);
    const start = at + HEAD_BYTES + block.readUInt16LE(at);
    return {
      contactId: block.toString('utf8', start, start + block.readUInt16LE(at + 2)),
      subOrg: subOrgs[block.readUInt32LE(at + 8)] ?? null,
    };
  };

  const grow = (): void => {
    const larger = new Uint32Array(slots.length * 2);
    for (const position of slots) {
      if (position === 0) continue;
      const { block, at } = entryAt(position);
      let slot = hashOf(block, at + HEAD_BYTES, block.readUInt16LE(at)) % larger.length;
      while (larger[slot] !== 0) slot = slot + 1 === larger.length ? 0 : slot + 1;
      larger[slot] = position;
    }
    slots = larger;
  };

  /** Where an entry of so many bytes goes; null where there is no room for it, or for the table that it needs. */
  const placeFor = (bytes: number): { readonly block: Buffer; readonly at: number } | null => {
    const isTableFull = (size + 1) * 3 > slots.length * 2;
    const isBlockFull = blocks.length === 0 || (free % BLOCK_BYTES) + bytes > BLOCK_BYTES || free % BLOCK_BYTES === 0;
    const tableBytes = slots.byteLength * (isTableFull ? 2 : 1);
    if (isFull || (blocks.length + Number(isBlockFull)) * BLOCK_BYTES + tableBytes > maxBytes) return null;
    if (isTableFull) grow();
    if (isBlockFull) {
      free = blocks.length * BLOCK_BYTES;
      blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES));
    }
    return { block: blocks.at(-1)!, at: free % BLOCK_BYTES };
  };

  const numberOf = (subOrg: string | null): number => {
    const known = subOrgNumbers.get(subOrg);
    if (known !== undefined) return known;
    subOrgs.push(subOrg);
    subOrgNumbers.set(subOrg, subOrgs.length - 1);
    return subOrgs.length - 1;
  };

  return {
    get size() {
      return size;
    },
    find(crmId) {
      const key = recordIdOf(crmId);
      if (key.length > MAX_ID_CHARACTERS) return null;
      const position = slots[slotOf(scratch.write(key, 'utf8'))]!;
      return position === 0 ? null : contactAt(position);
    },
    add(crmId, contact, line) {
      const key = recordIdOf(crmId);
      if (key.length > MAX_ID_CHARACTERS || contact.contactId.length > MAX_ID_CHARACTERS) throw new RangeError('an id is too long');
      const keyBytes = scratch.write(key, 'utf8');
      const known = slots[slotOf(keyBytes)]!;
      if (known !== 0) {
        const before = contactAt(known);
        const { block, at } = entryAt(known);
        return before.contactId === contact.contactId && before.subOrg === contact.subOrg ? null : block.readUInt32LE(at + 4);
      }
      const contactBytes = Buffer.byteLength(contact.contactId, 'utf8');
      const bytes = Math.ceil((HEAD_BYTES + keyBytes + contactBytes) / ALIGNMENT) * ALIGNMENT;
      const place = placeFor(bytes);
      if (place === null) {
        isFull = true;
        return 'full';
      }
      const { block, at } = place;
      block.writeUInt16LE(keyBytes, at);
      block.writeUInt16LE(contactBytes, at + 2);
      block.writeUInt32LE(line, at + 4);
      block.writeUInt32LE(numberOf(contact.subOrg), at + 8);
      scratch.copy(block, at + HEAD_BYTES, 0, keyBytes);
      block.write(contact.contactId, at + HEAD_BYTES + keyBytes, 'utf8');
      // Anew, since the table may have grown.
      slots[slotOf(keyBytes)] = free / ALIGNMENT + 1;
      free += bytes;
      size++;
      return null;
    },
  };
}

/** No CRM's id, and no contact's, is longer. */
export const MAX_ID_CHARACTERS = 1000;

/** Lengths of both ids (2 bytes each), line (4), number of the sub organization (4). */
const HEAD_BYTES = 12;
const MAX_ID_BYTES = MAX_ID_CHARACTERS * 3;
/** Of an entry's place, so that 4 bytes are enough for 16 GiB of them. */
const ALIGNMENT = 4;
const BLOCK_BYTES = 4 * 1024 * 1024;
const FIRST_SLOTS = 1 << 12;

/** FNV-1a, and a last stirring so that all bits of it can choose a slot. */
function hashOf(bytes: Buffer, from: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
