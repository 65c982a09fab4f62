import type { ResolveHook } from 'node:module';

/** Gives whoever asks for the ledger in a file the one in memory. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  const resolved = await next(specifier, context);
  const isSwitched = process.env.MEMORY_LEDGER === '1' && /\/dist\/ledger\/sqlite(?:-thread)?\.js$/.test(resolved.url);
  return isSwitched ? { ...resolved, url: new URL('./memory-ledger.js', import.meta.url).href } : resolved;
};
