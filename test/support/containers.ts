import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliRun, startCli } from './cli.js';
import { MANIFESTS, type PodSpec } from './kubernetes.js';

/** Where the containers of manifests run: this machine, with a folder for each volume. */
export interface Cluster {
  /** Starts a pod's container: its own arguments and variables, in its own folders; `change` is what can't be had twice, such as a port. */
  start(pod: PodSpec, change?: (argument: string) => string): CliRun;
  /** The folder that stands for a volume: of a claim by the claim's name. */
  folder(volume: string): string;
}

/** Of a claim its name: several pods may have the same. */
function placeOf(container: string, volume: PodSpec['volumes'][number] | undefined): string {
  return volume?.persistentVolumeClaim?.claimName ?? `${container}-${volume?.name}`;
}

/** @param values instead of those in config.yaml, by their keys */
export function createCluster(root: string, values: Readonly<Record<string, string>>): Cluster {
  const folder = (volume: string): string => {
    const path = join(root, 'volumes', volume);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const config = (MANIFESTS.get('config.yaml') ?? []).flatMap((manifest) =>
    Object.entries({ ...manifest.data, ...manifest.stringData }).map(([key, value]) => [
      `${manifest.metadata.name}/${key}`,
      values[key] ?? value,
    ]),
  );
  const given = new Map(config as [string, string][]);
  const fillOf = (name: string): readonly (readonly [string, string])[] =>
    [...given].flatMap(([key, value]) => (key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), value] as const] : []));

  return {
    folder,
    start({ volumes, containers: [container] }, change = (argument) => argument) {
      const places = new Map<string, string>();
      for (const { name, mountPath } of container.volumeMounts) {
        const volume = volumes.find((found) => found.name === name);
        const place = folder(placeOf(container.name, volume));
        const files = volume?.secret?.items.map(({ key, path }) => [path, given.get(`${volume.secret?.secretName}/${key}`) ?? ''] as const);
        for (const [file, content] of files ?? fillOf(volume?.configMap?.name ?? 'none')) writeFileSync(join(place, file), content);
        places.set(mountPath, place);
      }
      // In one go: a place may begin with another's path.
      const mounted = new RegExp(`(^|=)(${[...places.keys()].join('|')})(?=/|$)`, 'g');
      const placed = (text: string): string => text.replace(mounted, (_, before: string, path: string) => before + places.get(path));
      const env = container.env.map(({ name, valueFrom: { configMapKeyRef, secretKeyRef } }) => {
        const from = configMapKeyRef ?? secretKeyRef;
        return [name, placed(given.get(`${from?.name}/${from?.key}`) ?? '')] as const;
      });
      return startCli(container.args.map(placed).map(change), {
        cwd: placed(container.workingDir),
        env: { ...Object.fromEntries(env), TMPDIR: places.get('/tmp') ?? join(root, 'nowhere') },
      });
    },
  };
}
