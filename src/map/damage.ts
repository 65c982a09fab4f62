import type { SourceRecord } from '../model.js';
import type { FindingName, RowDamage } from '../model-plan.js';
import type { ColumnPlan, FieldSource } from './columns.js';
import { isScientific, restoredCase } from './damaged-ids.js';
import { findMojibake } from './mojibake.js';
import { hasHiddenEnds, trimId } from './trim-id.js';

/** Looks at the cells that a note is made of for what spreadsheets and wrong encodings do to them. */
export interface DamageCheck {
  /** Empty for nearly every row. */
  examine(record: SourceRecord): readonly RowDamage[];
  /** The cell with the contact's id, without what is around it; null: every row has the same. */
  contactId(record: SourceRecord): string | null;
  /** The contact's column, as the file calls it. */
  readonly contactColumn: string | null;
}

/** @param plan which column is which field */
export function createDamageCheck(plan: ColumnPlan): DamageCheck {
  const columns = (sources: readonly (FieldSource | null)[]) => sources.flatMap((source) => (source?.kind === 'column' ? [source] : []));
  const ids = columns([plan.contactId, plan.id]);
  const exact = columns([plan.contactId, plan.id, plan.subOrg]);
  const texts = columns([plan.contactId, plan.name, plan.text]);
  // Phone numbers have no usual width.
  const contact = plan.contactId.kind === 'column' && plan.address === 'contactId' ? plan.contactId : null;

  return {
    contactId: ({ cells }) => (contact === null ? null : trimId(cells[contact.index] ?? '')),
    contactColumn: contact?.header ?? null,
    examine: ({ cells, isAscii }) => {
      let found: RowDamage[] | null = null;
      const tell = (finding: FindingName, column: string, measure: number, message: string): void => {
        found ??= [];
        found.push({ finding, column, measure, message });
      };
      for (const { index, header } of ids) {
        const cell = cells[index] ?? '';
        for (const id of idsIn(cell)) {
          if (isScientific(id))
            tell('scientific-ids', header, 0, `a number in scientific notation, whose last digits are lost${BY_A_SPREADSHEET}`);
          const restored = restoredCase(id);
          if (restored !== null) {
            tell(
              'salesforce-case',
              header,
              0,
              `an 18-character Salesforce id whose letters lost their case: its checksum says ${restored}`,
            );
          }
        }
      }
      if (isAscii === true) return found ?? NOTHING;
      for (const { index, header } of exact) {
        if (hasHiddenEnds(cells[index] ?? '')) {
          tell('nbsp-ids', header, 0, 'non-breaking or invisible characters around the id, which are left out');
        }
      }
      for (const { index, header } of texts) {
        const cell = cells[index] ?? '';
        const replaced = cell.indexOf('\ufffd');
        if (replaced >= 0) {
          tell('replacement-characters', header, position(cell, replaced), 'U+FFFD stands where a character was lost in a wrong encoding');
        }
        const garbled = findMojibake(cell);
        if (garbled >= 0) {
          tell('mojibake', header, position(cell, garbled), 'UTF-8 that was read in another encoding (it looks like "Ã©" for "é")');
        }
      }
      return found ?? NOTHING;
    },
  };
}

const NOTHING: readonly RowDamage[] = [];
const BY_A_SPREADSHEET = ' (a spreadsheet does that)';

/** A cell may name several contacts. */
function idsIn(cell: string): readonly string[] {
  const id = trimId(cell);
  return SEPARATOR.test(id) ? id.split(SEPARATOR) : [id];
}

const SEPARATOR = /[;|,\s]+/;

/** From 1, in code points. */
function position(cell: string, index: number): number {
  return Array.from(cell.slice(0, index)).length + 1;
}
