import { readdirSync, readFileSync } from 'node:fs';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Secret } from 'kubernetes-models/v1/Secret';
import { parseAllDocuments } from 'yaml';

/** As much of a manifest as the tests look at. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly generateName?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}

/** The manifests of deploy/kubernetes, by their files. */
export const MANIFESTS: ReadonlyMap<string, readonly Manifest[]> = readManifests();

function readManifests(): ReadonlyMap<string, readonly Manifest[]> {
  const folder = new URL('../../deploy/kubernetes/', import.meta.url);
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  return new Map(files.map((file) => [file, parseManifests(readFileSync(new URL(file, folder), 'utf8'))]));
}

/** As kubectl reads them, for which 0440 is octal. */
export function parseManifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    return document.toJS() as Manifest;
  });
}

const KINDS = [Deployment, CronJob, Job, PodDisruptionBudget, ConfigMap, PersistentVolumeClaim, Secret] as const;

/** What Kubernetes' own schemas have against it, fields that they don't know included. */
export function problemsOf(manifest: Manifest): readonly string[] {
  const kind = KINDS.find((known) => known.kind === manifest.kind && known.apiVersion === manifest.apiVersion);
  if (kind === undefined) return [`no such kind here: ${manifest.apiVersion} ${manifest.kind}`];
  const { watched, unread } = watch(manifest);
  try {
    kind.prototype.validate.call(watched);
  } catch (error) {
    return [(error as Error).message];
  }
  return unread().map((path) => `unknown field ${path}`);
}

/** The schemas allow any field more. But what a schema knows its validation reads, and a field that it has never read it doesn't know. */
function watch(root: object): { readonly watched: object; readonly unread: () => readonly string[] } {
  const read = new Map<object, Set<string>>();
  const seen = new Map<object, object>();
  const wrap = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const known = seen.get(value);
    if (known !== undefined) return known;
    const names = new Set<string>();
    read.set(value, names);
    const wrapped = new Proxy(value, {
      get(target, name) {
        if (typeof name === 'string') names.add(name);
        return wrap(Reflect.get(target, name));
      },
    });
    seen.set(value, wrapped);
    return wrapped;
  };
  const unreadIn = (value: unknown, path: string): readonly string[] => {
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([name, inner]) => {
      const at = `${path}/${name}`;
      return Array.isArray(value) || read.get(value)?.has(name) === true ? unreadIn(inner, at) : [at];
    });
  };
  // What wraps an object is an object.
  return { watched: wrap(root) as object, unread: () => unreadIn(root, '') };
}

/** The pod that a workload starts; null where it starts none. */
export function podOf({ kind, spec }: Manifest): PodSpec | null {
  // Checked against the schemas by a test of their own.
  const template = spec as { readonly template: { readonly spec: PodSpec }; readonly jobTemplate: { readonly spec: typeof template } };
  if (kind === 'CronJob') return template.jobTemplate.spec.template.spec;
  return kind === 'Job' || kind === 'Deployment' ? template.template.spec : null;
}

export interface PodSpec {
  readonly containers: readonly [Container];
  readonly volumes: readonly {
    readonly name: string;
    readonly emptyDir?: object;
    readonly persistentVolumeClaim?: { readonly claimName: string };
    readonly secret?: {
      readonly secretName: string;
      readonly defaultMode: number;
      readonly items: readonly { key: string; path: string }[];
    };
    readonly configMap?: { readonly name: string };
  }[];
  readonly terminationGracePeriodSeconds?: number;
  readonly [other: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly env: readonly {
    readonly name: string;
    readonly valueFrom: Readonly<Record<'configMapKeyRef' | 'secretKeyRef', { readonly name: string; readonly key: string } | undefined>>;
  }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly [other: string]: unknown;
}

export interface Probe {
  readonly httpGet: { readonly path: string };
}
