/** The fields of a note that a column, `--map` and `--set` can speak of. */
export const FIELDS = ['contactId', 'name', 'text', 'subOrg'] as const;
export type Field = (typeof FIELDS)[number];
