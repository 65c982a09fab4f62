/** The fields of a note that a column, `--map` and `--set` can speak of. */
export const FIELDS = ['contactId', 'phoneNumber', 'name', 'text', 'subOrg'] as const;
export type Field = (typeof FIELDS)[number];

/** How a note says whose it is: by the contact's id, or with `--campaign` by a phone number. The other one's columns mean nothing. */
export type AddressField = Extract<Field, 'contactId' | 'phoneNumber'>;

/** `--filter`: `column=value`, or `column!=value`. */
export interface Filter {
  readonly column: string;
  readonly isNot: boolean;
  readonly value: string;
}

/** `--since`: rows of this moment and later ones. */
export interface Since {
  readonly column: string;
  /** Epoch milliseconds. */
  readonly fromMs: number;
  /** True where it was given without a zone, as a CRM's dates often are: then a cell's date counts as it is written, too. */
  readonly isLocal: boolean;
}
