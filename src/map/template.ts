/** What stands in braces in a value of `--set` (`Note of {Create Date}`); `{{` and `}}` are braces themselves. */
type Raw = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'placeholder'; readonly name: string };

/** A template that can't be filled from this header: what is wrong, and the column's name, if it is that. */
export type TemplateProblem<Column> =
  | { readonly kind: 'unclosed' }
  | { readonly kind: 'unknown'; readonly name: string }
  | { readonly kind: 'ambiguous'; readonly name: string; readonly columns: readonly Column[] };

/** A value of `--set`, taken apart: literal text, and columns whose cells stand in their place. */
export interface Template<Column> {
  readonly parts: readonly (string | Column)[];
  /** What keeps columns from being found. */
  readonly problems: readonly TemplateProblem<Column>[];
}

/** @param columnsNamed the columns that a name can mean. A value without braces is one literal. */
export function parseTemplate<Column>(value: string, columnsNamed: (name: string) => readonly Column[]): Template<Column> {
  const raw = rawParts(value);
  if (raw === null) return { parts: [], problems: [{ kind: 'unclosed' }] };
  const parts: (string | Column)[] = [];
  const problems: TemplateProblem<Column>[] = [];
  for (const part of raw) {
    if (part.kind === 'literal') {
      parts.push(part.text);
      continue;
    }
    const columns = columnsNamed(part.name);
    const [column] = columns;
    if (column === undefined) problems.push({ kind: 'unknown', name: part.name });
    else if (columns.length > 1) problems.push({ kind: 'ambiguous', name: part.name, columns });
    else parts.push(column);
  }
  return { parts, problems };
}

/** The names in its braces. */
export function placeholdersOf(value: string): readonly string[] {
  return (rawParts(value) ?? []).flatMap((part) => (part.kind === 'placeholder' ? [part.name] : []));
}

/** Null where a brace opens and never closes. */
function rawParts(value: string): readonly Raw[] | null {
  const parts: Raw[] = [];
  let text = '';
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? '';
    if ((character === '{' || character === '}') && value[at + 1] === character) {
      text += character;
      at++;
    } else if (character === '{') {
      const end = value.indexOf('}', at);
      if (end < 0) return null;
      if (text !== '') parts.push({ kind: 'literal', text });
      text = '';
      parts.push({ kind: 'placeholder', name: value.slice(at + 1, end).trim() });
      at = end;
    } else text += character;
  }
  return text === '' ? parts : [...parts, { kind: 'literal', text }];
}
