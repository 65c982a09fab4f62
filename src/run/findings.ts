import { rowLabel, type SourceInput, type SourceRow } from '../model.js';
import { CORRUPTING, type Finding, type FindingName, type RowDamage } from '../model-plan.js';
import { createIdWidths, type IdWidths } from './id-widths.js';
import type { Intake } from './intake.js';
import type { PreparedRow } from './rows.js';

/** Gathers what the damage check finds in the rows that it is given. */
export interface Findings {
  /** Rows of one batch are of one input. */
  add(rows: readonly PreparedRow[]): void;
  /** In the order of the names; of each kind and column of an input once. */
  list(): readonly Finding[];
  /** What isn't accepted and would be sent, among the rows of the inputs' beginnings. */
  refused(): readonly Finding[];
}

/** So much of each input's beginning is looked at before anything is sent. */
export const FIRST_ROWS = 1000;
export const FIRST_BYTES = 4 * 1024 * 1024;

export function createFindings(options: { readonly intake: Pick<Intake, 'inputs'>; readonly accept: readonly FindingName[] }): Findings {
  const { intake, accept } = options;
  const accepted = new Set(accept);
  const found = new Map<string, { finding: Finding; isEarly: boolean; lastRow: SourceRow }>();
  /** Of each input, what was looked at of it. */
  const beginnings = new Map<number, { rows: number; bytes: number; widths: IdWidths }>();

  function tell(
    source: SourceRow,
    damage: Omit<RowDamage, 'column' | 'measure'> & { readonly column: string | null },
    isEarly: boolean,
  ): void {
    const { finding: name, column, message } = damage;
    const key = JSON.stringify([source.input.index, name, column]);
    const known = found.get(key);
    if (known !== undefined) {
      // A record for several contacts comes once for each.
      if (known.lastRow.row === source.row) return;
      known.lastRow = source;
      known.finding = { ...known.finding, count: known.finding.count + 1 };
      return;
    }
    const row = rowLabel(source, intake.inputs.length);
    const finding = {
      finding: name,
      corrupting: CORRUPTING.has(name),
      accepted: accepted.has(name),
      row,
      line: source.line,
      column,
      count: 1,
      message,
    };
    found.set(key, { finding, isEarly, lastRow: source });
  }

  function addRow(row: PreparedRow): void {
    const { source } = row;
    const { index } = source.input;
    let begin = beginnings.get(index);
    if (begin === undefined) {
      begin = { rows: 0, bytes: 0, widths: createIdWidths() };
      beginnings.set(index, begin);
    }
    const isEarly = begin.rows < FIRST_ROWS && begin.bytes < FIRST_BYTES;
    if (source.kind === 'malformed') {
      begin.rows++;
      if (source.finding !== undefined)
        tell(source, { finding: source.finding, column: source.column ?? null, message: source.message }, isEarly);
      return;
    }
    for (const damage of row.damage ?? []) tell(source, damage, isEarly);
    if (!isEarly) return;
    begin.rows++;
    begin.bytes += source.bytes;
    const contact = row.kind === 'filtered' ? null : (intake.inputs[index]?.damage.contactId(source) ?? null);
    if (contact !== null) begin.widths.add(contact, source);
  }

  function idWidthFindings(): { finding: Finding; isEarly: boolean }[] {
    return [...beginnings].flatMap(([index, { widths }]) => {
      const lost = widths.shortened();
      if (lost === null) return [];
      const name = 'lost-leading-zeros';
      const finding: Finding = {
        finding: name,
        corrupting: true,
        accepted: accepted.has(name),
        row: rowLabel(lost.first, intake.inputs.length),
        line: lost.first.line,
        column: intake.inputs[index]?.damage.contactColumn ?? null,
        count: lost.count,
        message: `an id of ${lost.length} digits among ids of ${lost.width}, of which some begin with 0: its zeros seem to be lost`,
      };
      return [{ finding, isEarly: true }];
    });
  }

  function sepLines(): { finding: Finding; isEarly: boolean }[] {
    return intake.inputs.flatMap(({ csv }) => (csv.sepLine ? [{ finding: sepLine(csv.source, accepted), isEarly: true }] : []));
  }

  const all = () => [...found.values(), ...idWidthFindings(), ...sepLines()];
  return {
    add: (rows) => rows.forEach(addRow),
    list: () => all().map(({ finding }) => finding),
    refused: () => all().flatMap(({ finding, isEarly }) => (isEarly && finding.corrupting && !finding.accepted ? [finding] : [])),
  };
}

function sepLine({ path, delimiter }: SourceInput, accepted: ReadonlySet<FindingName>): Finding {
  const shown = delimiter === '\t' ? 'a tab' : JSON.stringify(delimiter);
  return {
    finding: 'sep-line',
    corrupting: false,
    accepted: accepted.has('sep-line'),
    row: null,
    line: 1,
    column: null,
    count: 1,
    message: `${path}: the first line says by "sep=" that the delimiter is ${shown}; it is left out`,
  };
}
