// The type of the part of undici that client.ts loads: the package has none for single files.

declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export = Pool;
}
