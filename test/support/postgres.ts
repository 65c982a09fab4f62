import type { TestProject } from 'vitest/node';
import { NO_POSTGRES, startPostgres } from './postgres-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** null: there is none, and the reason has been said. */
    postgres: { readonly url: string; readonly template: string } | null;
  }
}

/** One server for all tests of the project; each test file takes a database of its own. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const server = await startPostgres();
  if (server === null) {
    if (process.env.CI === 'true') throw new Error(NO_POSTGRES);
    console.warn(`${NO_POSTGRES} Its tests are skipped.`);
    project.provide('postgres', null);
    return undefined;
  }
  project.provide('postgres', { url: server.url, template: server.template });
  return server.destroy;
}
