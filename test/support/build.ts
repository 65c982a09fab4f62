import { execFileSync } from 'node:child_process';

const BUILT = 'MEMORY_IMPORT_TESTS_BUILT';

/** The e2e tests run the built command: built from what is here now, once, though several projects ask for it. */
export function setup(): void {
  if (process.env[BUILT] === String(process.pid)) return;
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  process.env[BUILT] = String(process.pid);
}
