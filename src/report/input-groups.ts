/** Inputs of which the same is to be said: a large export is a zip of many parts, all alike. In the order of the first of each. */
export function inputGroups<T extends { readonly input: string }>(
  items: readonly T[],
  likeness: (item: T) => string,
): readonly { readonly first: T; readonly names: string }[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(likeness(item));
    if (group === undefined) groups.set(likeness(item), [item]);
    else group.push(item);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ first, names: namesOf(group.map(({ input }) => input)) }];
  });
}

const MOST_NAMED = 3;

function namesOf(inputs: readonly string[]): string {
  if (inputs.length <= 1) return inputs.join('');
  if (inputs.length > MOST_NAMED) return `${inputs[0]} and ${inputs.length - 1} more`;
  return `${inputs.slice(0, -1).join(', ')} and ${inputs.at(-1)}`;
}
