/** What the CSV parser is to the rest of this stage. `csv.ts` makes one of csv-parse. */
export interface RecordParser {
  /** Parses on; every record that is complete was given to `onRecord` when this resolves. A fault ends this parser. */
  write(bytes: Buffer): Promise<ParseFault | null>;
  /** Parses what was held back to look ahead, and a last record without a line end. */
  end(): Promise<ParseFault | null>;
}

/** Why a record can't be parsed. `column` counts from 0. */
export interface ParseFault {
  readonly kind: 'closing_quote' | 'opening_quote' | 'unclosed_quote';
  readonly column: number;
}

export type StartParser = (options: {
  readonly delimiter: string;
  /** `end`: the offset behind the record's line end, from the parser's first byte. */
  readonly onRecord: (cells: string[], end: number) => void;
}) => RecordParser;
