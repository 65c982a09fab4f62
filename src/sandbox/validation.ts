/** An entry of a 400's `data`. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** A create's body: its fields, or why it isn't a JSON object. */
export function parseNote(body: string | null): { readonly name?: unknown; readonly text?: unknown } | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body ?? '');
  } catch {
    return 'body must be JSON, with content-type application/json';
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'body must be a JSON object';
  return parsed;
}

/** The reference's limits, in Unicode code points. */
export function noteProblems(note: { readonly name?: unknown; readonly text?: unknown }): readonly FieldProblem[] {
  const name = fieldProblem('name', note.name, 200);
  const text = fieldProblem('text', note.text, 5000);
  return [name, text].filter((problem) => problem !== null);
}

function fieldProblem(field: string, value: unknown, most: number): FieldProblem | null {
  if (typeof value !== 'string') return { field, message: `${field} must be a string` };
  if (value.trim() === '') return { field, message: `${field} must not be blank` };
  if (isLonger(value, most)) return { field, message: `${field} must be at most ${most} characters` };
  return null;
}

// A code point is one or two UTF-16 units, so most values need no counting.
function isLonger(value: string, most: number): boolean {
  if (value.length <= most) return false;
  if (value.length > 2 * most) return true;
  let points = 0;
  for (const _ of value) points += 1;
  return points > most;
}
