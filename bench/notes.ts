import { seededRandom } from '../src/sandbox/faults.js';

/** A CRM note as the inputs of the benchmark have it. */
export interface BenchNote {
  readonly contactId: string;
  readonly name: string;
  readonly text: string;
}

/** How many notes a contact has, on average. */
const NOTES_PER_CONTACT = 10;
/** A contact's next note lies so many rows behind: exports are sorted by date, not by contact. */
const STRIDE = 7919;

/**
 * Notes as people write them: most of a few lines, some of a page, with quotes, line breaks, commas and letters beyond ASCII. Each differs
 * from all others. The same count and seed give the same notes, whoever asks.
 */
export function* benchNotes(count: number, seed = 1): Generator<BenchNote> {
  const random = seededRandom(seed);
  const contacts = Math.max(1, Math.ceil(count / NOTES_PER_CONTACT));
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  for (let i = 0; i < count; i++) {
    const reference = `${seed}-${i + 1}`;
    const words = lengthInSentences(random());
    let text = '';
    for (let s = 0; s < words; s++) text += `${text === '' ? '' : pick(JOINTS)}${pick(SENTENCES)}`;
    yield {
      contactId: `C-${100_000 + ((i * STRIDE) % contacts)}`,
      name: `${pick(SUBJECTS)} (${reference})`,
      text: `${text} Ref. ${reference}.`,
    };
  }
}

/** Of a hundred notes some sixty are a sentence or two, thirty a paragraph, ten a page: about 270 characters on average. */
function lengthInSentences(random: number): number {
  if (random < 0.6) return 1 + Math.floor(random * 3.3);
  if (random < 0.92) return 3 + Math.floor((random - 0.6) * 12);
  return 8 + Math.floor((random - 0.92) * 150);
}

const SUBJECTS = [
  'Call',
  'E-mail',
  'Meeting on site',
  'Quote',
  'Complaint',
  'Follow-up',
  'Voicemail',
  'Contract, 2nd draft',
  'Größe geändert',
];
const JOINTS = [' ', ' ', ' ', '\n', '\n\n- '];
const SENTENCES = [
  'Spoke with the owner; they want a call back next week.',
  'Asked for a quote for 40 units, delivery before the end of the month.',
  'They said "not before June", so nothing to do until then.',
  'Left a voicemail.',
  'Prefers e-mail over the phone, mornings only.',
  'The invoice of last month is disputed: two items were never delivered, and the third, a "spare", was not ordered.',
  'Señora Ibáñez takes over from Mr. Müller on the 1st.',
  'Sent the brochure; will look at it with her brother, who decides.',
  'Budget is around 12,500, maybe 15,000 if it includes the installation.',
  'Happy with the service – would recommend us.',
];

/** RFC 4180, quoted where it must be; lines end as CRLF as in most exports. */
export function csvLine({ contactId, name, text }: BenchNote): string {
  return `${cell(contactId)},${cell(name)},${cell(text)}\r\n`;
}

export const CSV_HEADER = 'contactId,name,text\r\n';

function cell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
