import type { SourceRecord } from '../model.js';
import type { ContactIdRules } from './apply-profile.js';
import type { FieldSource } from './columns.js';
import { fieldReader } from './content.js';
import type { CallersContact, Crosswalk } from './crosswalk.js';
import { recordIdOf } from './record-id.js';
import { trimId } from './trim-id.js';

/** One of the contacts that a record names. `source` is the record with that contact alone in its cell. */
export interface NamedContact extends CallersContact {
  readonly source: SourceRecord;
  /** `unknown`: the list of contacts doesn't have it, and `contactId` is the CRM's. */
  readonly kind: 'contact' | 'unknown';
}

interface ContactsOptions {
  readonly source: FieldSource;
  readonly rules: ContactIdRules;
  /** null: the ids are those of Callers. */
  readonly crosswalk: Pick<Crosswalk, 'find'> | null;
  /** Takes away what isn't the id. Default: what is invisible around it. */
  readonly clean?: (cell: string) => string;
}

/**
 * Makes the function that says which contacts a record names, each once. Empty: none, and the record is to be left out. Of a record that
 * names none and isn't to be left out, it is one with an empty id, which the checks behind refuse.
 */
export function createContactsOf({
  source,
  rules,
  crosswalk,
  clean = trimId,
}: ContactsOptions): (record: SourceRecord) => readonly NamedContact[] {
  const { separator, prefix, none } = rules;
  const empty = new Set(rules.empty);
  const others = rules.others === null ? null : new RegExp(rules.others, 'u');
  const isContact = (id: string): boolean => id !== '' && !empty.has(id) && !(others?.test(id) ?? false);

  const contactOf = (id: string, record: SourceRecord): NamedContact => {
    if (crosswalk === null) return { kind: 'contact', source: record, contactId: id, subOrg: null };
    const found =
      crosswalk.find(id) ?? (prefix === null ? null : crosswalk.find(id.startsWith(prefix) ? id.slice(prefix.length) : prefix + id));
    return found === null
      ? { kind: 'unknown', source: record, contactId: id, subOrg: null }
      : { kind: 'contact', source: record, contactId: found.contactId, subOrg: found.subOrg };
  };

  const cellOf = fieldReader(source, (cell) => cell);
  return (record) => {
    const cell = cellOf(record.cells);
    const isSeveral = separator !== null && source.kind === 'column' && cell.includes(separator);
    if (!isSeveral) {
      const id = clean(cell);
      if (isContact(id)) return [contactOf(id, record)];
      return none === 'filter' ? [] : [noContact(record)];
    }
    const ids = cell.split(separator).map(clean).filter(isContact);
    const contacts = new Map<string, NamedContact>();
    for (const id of ids) {
      const contact = contactOf(id, record);
      const key = contact.kind === 'contact' ? `${contact.contactId}\0${contact.subOrg ?? ''}` : `\0${recordIdOf(id)}`;
      if (contacts.has(key)) continue;
      const target = contacts.size;
      contacts.set(key, { ...contact, source: { ...record, cells: record.cells.with(source.index, id), target } });
    }
    if (contacts.size > 0 || none === 'filter') return [...contacts.values()];
    return [noContact(record)];
  };
}

function noContact(source: SourceRecord): NamedContact {
  return { kind: 'contact', source, contactId: '', subOrg: null };
}
