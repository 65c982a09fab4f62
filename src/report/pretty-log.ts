import { prettyFactory } from 'pino-pretty';

/** Makes a log line of JSON into one for a person at a terminal. */
export function createPrettifier({ color }: { readonly color: boolean }): (line: string) => string {
  const prettify = prettyFactory({ colorize: color, translateTime: 'SYS:HH:MM:ss', hideObject: true });
  return (line) => prettify(line);
}
