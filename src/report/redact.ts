/** Takes secrets out of a line of JSON, wherever in it they stand. The line stays JSON. */
export function createRedactor(secrets: readonly string[]): (line: string) => string {
  const plain = [...new Set(secrets)].filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
  const marks = plain.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]);
  const redactText = (text: string) => plain.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
  return (line) => {
    if (!marks.some((mark) => line.includes(mark))) return line;
    // Only what is text: a secret of digits must not break the time.
    const redacted = JSON.stringify(JSON.parse(line), (_key, value: unknown) => (typeof value === 'string' ? redactText(value) : value));
    return `${redacted}\n`;
  };
}

export const REDACTED = '[redacted]';
