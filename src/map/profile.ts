import { z } from 'zod';
import { nearestHeader } from './header-names.js';

/** What is known of a CRM's export: which column is what, and its quirks. Data only; what the command line says wins over it. */
export type Profile = z.output<typeof profileSchema>;

/** The same as somebody writes it down: what isn't said is left out. */
export type ProfileText = z.input<typeof profileSchema>;

/** @returns the profile, or every problem with its place in the JSON, such as `columns.text[0]: expected string, found number` */
export function parseProfile(
  content: unknown,
): { readonly profile: Profile; readonly problems: readonly [] } | { readonly profile: null; readonly problems: readonly string[] } {
  const parsed = profileSchema.safeParse(content);
  return parsed.success
    ? { profile: parsed.data, problems: [] }
    : { profile: null, problems: parsed.error.issues.flatMap((issue) => tell(issue)) };
}

/** How a profile's columns came to be known, the surest first. */
const EVIDENCE = ['read', 'documented', 'importers', 'unverified'] as const;

const text = z.string().refine((value) => value.trim() !== '', 'expected some text, found nothing but blanks');
/** Names of one column, in several languages and spellings, the likeliest first. Case, spaces, `_`, `-` and the Unicode form make no difference. */
const names = z.array(text).min(1, 'expected at least one name');
/** `{Column}` is replaced by that cell of the row; the first whose columns are all there is taken, so the last one should have none. */
const templates = z.array(text).min(1, 'expected at least one text');

const profileSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'expected lower-case words joined by "-", such as acme-notes')
      .refine((id) => id !== 'none' && id !== 'auto', 'expected another word: none and auto mean something to --profile'),
    title: text,
    /** How well its columns are known. */
    evidence: z.enum(EVIDENCE).default('unverified'),
    /** Columns by which it is recognised, all of which must be there. None: it is used only where it is asked for. */
    recognisedBy: z.array(names).default([]),
    /** The columns of each field. Of several that are there the one that is named first is taken. */
    columns: z.strictObject({ contactId: names, name: names.optional(), text: names, subOrg: names.optional() }),
    /** Fields that have no column. */
    set: z.strictObject({ name: templates.optional(), subOrg: templates.optional() }).default({}),
    /** What is sent where the field's cell is blank. */
    whenBlank: z.strictObject({ name: templates.optional(), text: templates.optional() }).default({}),
    contactIds: z
      .strictObject({
        /** Between several ids in one cell. */
        separator: text.optional(),
        /** What stands where there is none. */
        empty: z.array(text).default([]),
        /** A regular expression: ids of other things than contacts, which are passed over. */
        others: text.refine(isPattern, 'expected a regular expression as JavaScript has them').optional(),
        /** What some files of the CRM have before the id and others have not: `--contacts` finds it either way. */
        prefix: text.optional(),
        /** What becomes of a row that names no contact: it fails, or is left out as `filtered`. */
        none: z.enum(['fail', 'filter']).default('fail'),
      })
      .default({ empty: [], none: 'fail' }),
    /** As for `--filter`; one whose column the file hasn't got says nothing. */
    filter: z.array(z.string().regex(/^[^=!]+!?=/, 'expected column=value or column!=value')).default([]),
    /** What becomes of a row whose text cell is blank: it fails (or has what `whenBlank` says), or is left out as `filtered`. */
    noText: z.enum(['fail', 'filter']).default('fail'),
    html: z.enum(['keep', 'text']).default('keep'),
    /** As for `--id-column`: the column of the note's own id is its identity. */
    idColumn: text.optional(),
    /** How lines of one cell begin that are no notes, such as those below a report; `*`: each line of one cell is none. */
    footer: z.array(text).default([]),
    /** What a person should know. */
    hints: z.array(text).default([]),
  })
  .refine((profile) => profile.columns.name !== undefined || profile.set.name !== undefined, {
    path: ['columns', 'name'],
    message: 'expected names of a column here, or a text in set.name: no note is sent without a name',
  });

function isPattern(value: string): boolean {
  try {
    new RegExp(value, 'u');
    return true;
  } catch {
    return false;
  }
}

function tell(issue: z.core.$ZodIssue): readonly string[] {
  const place = issue.path.reduce<string>(
    (path, step) => `${path}${typeof step === 'number' ? `[${step}]` : `${path === '' ? '' : '.'}${String(step)}`}`,
    '',
  );
  const at = place === '' ? '' : `${place}: `;
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(place);
      return issue.keys.map((key) => {
        const near = nearestHeader(known, [key]);
        return `${at}no such key ${JSON.stringify(key)}${near === null ? `; there are ${known.join(', ')}` : `; did you mean ${near}?`}`;
      });
    }
    case 'invalid_type':
      return [
        `${at}${issue.message.replace('Invalid input: ', '').replace('received undefined', 'found nothing').replace('received', 'found')}`,
      ];
    case 'invalid_value':
      return [`${at}expected ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`];
    default:
      return [`${at}${issue.message}`];
  }
}

function knownKeys(place: string): readonly string[] {
  const { columns, set, whenBlank, contactIds } = profileSchema.shape;
  switch (place) {
    case 'columns':
      return Object.keys(columns.shape);
    case 'set':
      return Object.keys(set.unwrap().shape);
    case 'whenBlank':
      return Object.keys(whenBlank.unwrap().shape);
    case 'contactIds':
      return Object.keys(contactIds.unwrap().shape);
    default:
      return Object.keys(profileSchema.shape);
  }
}
