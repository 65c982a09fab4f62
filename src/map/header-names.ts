import { editDistance } from '../edit-distance.js';
import type { Field } from '../fields.js';

/**
 * A header as it is compared: case, spaces, `_`, `-`, a BOM and the Unicode form make no difference, as in the vendor's own upload
 * (`Contact ID`, `contact_id`, `contactId`).
 */
export function canonicalHeader(header: string): string {
  // \s holds the BOM (U+FEFF) and the no-break space, too.
  return header
    .replace(/[\s_-]/g, '')
    .toLowerCase()
    .normalize('NFC');
}

/** What a column of this field may be called. */
export const FIELD_NAMES: Readonly<Record<Field, readonly string[]>> = {
  contactId: ['contactId'],
  phoneNumber: ['phoneNumber', 'phone', 'mobile', 'mobile phone', 'mobile number', 'mobile phone number', 'cell phone', 'telephone'],
  name: ['name', 'title', 'subject'],
  text: ['text', 'note', 'body', 'note body', 'content', 'description'],
  subOrg: ['subOrg', 'subOrgId', 'subOrganization', 'subOrganizationId', 'xSubOrganizationId'],
};

/** True if a column of this header could be meant as the field. */
export function couldMean(field: Field, header: string): boolean {
  return CANONICAL_NAMES[field].has(canonicalHeader(header));
}

const canonicalNames = (field: Field): ReadonlySet<string> => new Set(FIELD_NAMES[field].map(canonicalHeader));

const CANONICAL_NAMES: Readonly<Record<Field, ReadonlySet<string>>> = {
  contactId: canonicalNames('contactId'),
  phoneNumber: canonicalNames('phoneNumber'),
  name: canonicalNames('name'),
  text: canonicalNames('text'),
  subOrg: canonicalNames('subOrg'),
};

/** The header that was probably meant by one of these names, or null if none is near. */
export function nearestHeader(header: readonly string[], names: readonly string[]): string | null {
  let best: { readonly name: string; readonly distance: number } | null = null;
  for (const name of header.slice(0, MAX_SHOWN)) {
    const canonical = canonicalHeader(name).slice(0, MAX_NAME_SHOWN);
    for (const wanted of names.map(canonicalHeader)) {
      const distance = editDistance(canonical, wanted.slice(0, MAX_NAME_SHOWN));
      const near = distance <= Math.max(1, Math.floor(wanted.length / 3)) && distance < wanted.length;
      if (canonical !== '' && near && (best === null || distance < best.distance)) best = { name, distance };
    }
  }
  return best?.name ?? null;
}

/** The headers of a file for an error message: bounded, and safe on a terminal whatever the file is. */
export function showHeaders(header: readonly string[]): string {
  if (header.every((name) => name.trim() === '')) return 'none';
  const shown = header.slice(0, MAX_SHOWN).map(showHeader).join(', ');
  return header.length > MAX_SHOWN ? `${shown} and ${header.length - MAX_SHOWN} more` : shown;
}

/** One header in quotes, as it can be typed in a shell. */
export function showHeader(name: string): string {
  const safe = name.replace(UNSAFE, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
  const short = safe.length > MAX_NAME_SHOWN ? `${safe.slice(0, MAX_NAME_SHOWN).replace(/\p{Cs}$/u, '')}…` : safe;
  return NEEDS_SINGLE_QUOTES.test(short) && !short.includes("'") ? `'${short}'` : `"${short}"`;
}

const MAX_SHOWN = 40;
const MAX_NAME_SHOWN = 60;
/** Control characters, and format characters such as those that turn the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const NEEDS_SINGLE_QUOTES = /["$`\\!]/;
