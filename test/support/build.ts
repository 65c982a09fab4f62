import { execFileSync } from 'node:child_process';

/** The e2e tests run the built command: built from what is here now, once. */
export function setup(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
}
