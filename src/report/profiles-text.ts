/** The profiles for a person: a line each, fit for 80 columns, with how well its columns are known, and what that means below. */
export function profilesText(profiles: readonly { readonly id: string; readonly title: string; readonly evidence: Evidence }[]): string {
  const width = Math.max(...profiles.map(({ id }) => id.length));
  const evidence = Math.max(...profiles.map((profile) => profile.evidence.length));
  const indent = ' '.repeat(width + evidence + 4);
  const lines = profiles.flatMap((profile) => {
    const [first = '', ...rest] = wrapped(profile.title, WIDTH - indent.length);
    return [`${profile.id.padEnd(width)}  ${profile.evidence.padEnd(evidence)}  ${first}`, ...rest.map((line) => indent + line)];
  });
  const present = Object.entries(MEANINGS).filter(([name]) => profiles.some((profile) => profile.evidence === name));
  const meanings = present.map(([name, meaning]) => `  ${name.padEnd(evidence)}  ${meaning}`);
  return `${[...lines, '', 'How its columns came to be known', ...meanings, '', ...WAYS].join('\n')}\n`;
}

type Evidence = 'read' | 'documented' | 'importers' | 'unverified';

const WIDTH = 79;
const MEANINGS: Readonly<Record<Evidence, string>> = {
  read: 'a file of that CRM was read',
  documented: "the vendor's documents say so",
  importers: 'public importers, written against real files, say so',
  unverified: 'not verified: compare it with your file by plan',
};
const WAYS = [
  'One is found from the header where that is unambiguous; --profile <id> asks for',
  "it. 'memory-import profiles show <id>' prints it, to be changed and given back",
  'with --profile ./mine.json.',
];

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
