import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { FIELDS } from '../fields.js';
import type { RunRecord } from '../ledger/ledger.js';
import { FAILURE_CLASSES } from '../model.js';
import { FINDING_NAMES } from '../model-plan.js';
import type { ResolvedOptions } from '../options.js';
import { type Intake, type IntakeOptions, openIntake } from './intake.js';
import { profilesAgain } from './kept-profiles.js';
import { type ConstantLengths, constantsAgain } from './note-constants.js';

/** A run's inputs, read again. */
export type RunInputs =
  /** `isNameKnown`: false where the ledger doesn't keep what `--set`, or a profile of somebody's own, gave as notes' names. */
  | { readonly intake: Intake; readonly options: SavedOptions; readonly isNameKnown: boolean }
  /** `why`: a sentence for a person. */
  | { readonly intake: null; readonly why: string };

/**
 * The run's inputs, if they are still what was read then.
 * @param set constants that the ledger doesn't keep, given again
 * @throws UserError where such a one can't be the run's own
 */
export async function openUnchanged(run: RunRecord, set: ResolvedOptions['set']): Promise<RunInputs> {
  const missing = (why: string): RunInputs => ({ intake: null, why: `failures.csv was not written: ${why}` });
  const unread = run.inputs.find(({ sha256 }) => sha256 === null);
  if (unread !== undefined) return missing(`${unread.archive ?? unread.path} was not read to its end then, or is standard input.`);
  const saved = savedOptions(run.options);
  if (saved === null) return missing("the ledger's record of the run's options isn't one that this version writes.");
  const { isNameKnown, ...constants } = constantsAgain(saved, set);
  const options = { ...saved, ...constants };
  try {
    const files = filesOf(run.inputs);
    for (const { path, sha256 } of files) {
      if ((await sha256Of(path)) !== sha256) return missing(`${path} has changed since.`);
    }
    if (options.contacts !== null && (await sha256Of(options.contacts)) !== options.contactsSha256)
      return missing(`${options.contacts} (--contacts) has changed since.`);
    return {
      intake: await openIntake({ ...options, inputs: files.map(({ path }) => path) }),
      options,
      isNameKnown: isNameKnown && saved.isNameKnown,
    };
  } catch (error) {
    return missing(error instanceof Error ? error.message : String(error));
  }
}

/** As they were given: of an archive's parts the archive, as often as its first part is among them. */
function filesOf(inputs: RunRecord['inputs']): { readonly path: string; readonly sha256: string | null }[] {
  const firstParts = new Map<string, string>();
  return inputs.flatMap(({ path, archive, sha256 }) => {
    if (archive === undefined) return [{ path, sha256 }];
    if (!firstParts.has(archive)) firstParts.set(archive, path);
    return firstParts.get(archive) === path ? [{ path: archive, sha256 }] : [];
  });
}

/** The run's options that decide which rows its inputs have, and which note each is. */
export type SavedOptions = Omit<IntakeOptions, 'inputs'> &
  Pick<ResolvedOptions, 'limit' | 'duplicates'> & { readonly contactsSha256: string | null };

/** Null where the record isn't what `runRecord` writes. */
function savedOptions(
  record: RunRecord['options'],
): (SavedOptions & { readonly noteConstants: ConstantLengths; readonly isNameKnown: boolean }) | null {
  const { subOrg, map, set, noteConstants = {}, delimiter, encoding, idColumn, limit, only, duplicates } = record;
  // Runs of earlier versions had none of these.
  const { html = 'keep', contactSeparator = null, tooLong = 'reject', filter = [], since = null, accept = [], campaign = null } = record;
  if (html !== null && html !== 'keep' && html !== 'text') return null;
  if (tooLong !== 'reject' && tooLong !== 'truncate' && tooLong !== 'split') return null;
  if (!isFilters(filter) || !isSince(since)) return null;
  if (!isTextOrNull(subOrg) || !isTextOrNull(delimiter) || !isTextOrNull(encoding) || !isTextOrNull(idColumn)) return null;
  if (!isByField(map) || !isByField(set) || !isLengths(noteConstants) || !isLimit(limit) || !isOnly(only) || !isAccept(accept)) return null;
  if (duplicates !== 'skip' && duplicates !== 'create') return null;
  const [profiles, contacts] = [profilesAgain(record.profiles), savedContacts(record.contacts)];
  if (!isTextOrNull(campaign) || !isTextOrNull(contactSeparator) || profiles === null || contacts === null) return null;
  const ofText = { html, tooLong, filter, since } as const;
  const ofContacts = { campaign, contactSeparator, ...profiles, ...contacts };
  return { subOrg, map, set, noteConstants, ...ofText, ...ofContacts, delimiter, encoding, idColumn, limit, only, accept, duplicates };
}

function savedContacts(value: unknown): { readonly contacts: string | null; readonly contactsSha256: string | null } | null {
  if (value === undefined || value === null) return { contacts: null, contactsSha256: null };
  if (typeof value !== 'object' || !('path' in value) || !('sha256' in value)) return null;
  return typeof value.path === 'string' && isTextOrNull(value.sha256) ? { contacts: value.path, contactsSha256: value.sha256 } : null;
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isByField(value: unknown): value is ResolvedOptions['map'] {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(([field, text]) => FIELDS.some((known) => known === field) && typeof text === 'string');
}

function isLengths(value: unknown): value is ConstantLengths {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).every(([field, length]) => FIELDS.some((known) => known === field) && typeof length === 'number');
}

function isLimit(value: unknown): value is ResolvedOptions['limit'] {
  return value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0);
}

function isOnly(value: unknown): value is ResolvedOptions['only'] {
  return value === null || (Array.isArray(value) && value.every((word) => FAILURE_CLASSES.some((known) => known === word)));
}

function isFilters(value: unknown): value is ResolvedOptions['filter'] {
  const isFilter = (one: Record<string, unknown>) =>
    typeof one.column === 'string' && typeof one.isNot === 'boolean' && typeof one.value === 'string';
  return Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null && isFilter(one));
}

function isSince(value: unknown): value is ResolvedOptions['since'] {
  if (typeof value !== 'object' || value === null) return value === null;
  const { column, fromMs, isLocal } = value as Record<string, unknown>;
  return typeof column === 'string' && typeof fromMs === 'number' && typeof isLocal === 'boolean';
}

function isAccept(value: unknown): value is ResolvedOptions['accept'] {
  return Array.isArray(value) && value.every((word) => FINDING_NAMES.some((known) => known === word));
}

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk);
  return digest.digest('hex');
}
