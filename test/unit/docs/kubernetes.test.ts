import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../../src/options.js';
import { MANIFESTS, type Manifest, parseManifests, podOf, problemsOf } from '../../support/kubernetes.js';

const all = [...MANIFESTS].flatMap(([file, manifests]) => manifests.map((manifest) => [file, manifest.kind, manifest] as const));
const pods = all.flatMap(([file, , manifest]) => {
  const pod = podOf(manifest);
  return pod === null ? [] : [[file, pod.containers[0].name, pod] as const];
});

describe('the manifests in deploy/kubernetes', () => {
  it.each(all)('%s: the %s is what the schemas of Kubernetes ask for', (_file, _kind, manifest) => {
    expect(problemsOf(manifest)).toEqual([]);
  });

  it('are all there', () => {
    expect(all.map(([file, kind]) => `${file} ${kind}`)).toEqual([
      'config.yaml ConfigMap',
      'config.yaml Secret',
      'config.yaml ConfigMap',
      'coordinator.yaml PersistentVolumeClaim',
      'coordinator.yaml Job',
      'cronjob.yaml PersistentVolumeClaim',
      'cronjob.yaml CronJob',
      'cronjob.yaml CronJob',
      'worker.yaml Deployment',
      'worker.yaml PodDisruptionBudget',
    ]);
  });

  it.each([
    ['Deployment', ['spec', 'replicas'], '3', /spec\/replicas must be integer/],
    ['Deployment', ['spec', 'replicsa'], 3, /unknown field \/spec\/replicsa/],
    ['Deployment', ['spec', 'selector'], undefined, /spec must have required property selector/],
    ['Deployment', ['spec', 'template', 'spec', 'containers', 0, 'name'], undefined, /containers\/0 must have required property name/],
    ['Deployment', ['spec', 'template', 'spec', 'containers', 0, 'livenessProb'], {}, /unknown field \S*containers\/0\/livenessProb/],
    ['PodDisruptionBudget', ['spec', 'maxUnavailable'], true, /maxUnavailable/],
    ['Job', ['spec', 'podFailurePolicy', 'rules', 1, 'onExitCodes', 'values'], ['1'], /values\/0 must be integer/],
    ['CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec', 'volumes', 0, 'persistentVolumeClaim', 'claim'], 'x', /unknown field/],
    ['CronJob', ['spec', 'schedule'], undefined, /must have required property schedule/],
    ['Secret', ['stringData', 'callers.key'], 7, /stringData\/callers.key must be string/],
    ['ConfigMap', ['kind'], 'Configmap', /no such kind here/],
  ] as const)('a mistake would be found: %s %j', (kind, path, value, problem) => {
    const mistaken = structuredClone(all.find(([, found]) => found === kind)?.[2]) as unknown as Record<string | number, unknown>;
    const parent = path.slice(0, -1).reduce((inner, name) => inner[name] as typeof mistaken, mistaken);
    parent[path.at(-1) ?? ''] = value;
    expect(problemsOf(mistaken as unknown as Manifest).join('\n')).toMatch(problem);
  });

  it.each(pods)('%s: the pod of %s may do as little as it can', (_file, _name, pod) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          resources: { requests: { cpu: expect.anything(), memory: expect.anything() }, limits: { memory: expect.anything() } },
        },
      ],
    });
    for (const { secret } of pod.volumes) if (secret !== undefined) expect(secret.defaultMode).toBe(0o440);
  });

  it.each(pods)('%s: what %s mounts and asks for is there', (file, _name, pod) => {
    const [container] = pod.containers;
    const volumes = new Map(pod.volumes.map((volume) => [volume.name, volume]));
    expect(new Set(container.volumeMounts.map(({ name }) => name))).toEqual(new Set(volumes.keys()));
    const named = (kind: string, name: string) => all.find(([, found, { metadata }]) => found === kind && metadata.name === name)?.[2];
    for (const { valueFrom } of container.env) {
      const { configMapKeyRef: config, secretKeyRef: secret } = valueFrom;
      if (config !== undefined) expect(named('ConfigMap', config.name)?.data).toHaveProperty([config.key]);
      if (secret !== undefined) expect(named('Secret', secret.name)?.stringData).toHaveProperty([secret.key]);
    }
    for (const { persistentVolumeClaim: claim, secret, configMap } of volumes.values()) {
      // The exports are somebody else's volume.
      if (claim !== undefined && claim.claimName !== 'crm-exports') {
        const claims = MANIFESTS.get(file)?.filter(
          ({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === claim.claimName,
        );
        expect(claims).toHaveLength(1);
      }
      for (const { key } of secret?.items ?? []) expect(named('Secret', secret?.secretName ?? '')?.stringData).toHaveProperty([key]);
      if (configMap !== undefined) expect(named('ConfigMap', configMap.name)).toBeDefined();
    }
  });

  it('let each drain take one worker at a time, and leave it the time to end in order', () => {
    const [deployment, budget] = MANIFESTS.get('worker.yaml') as [Manifest, Manifest];
    const { selector } = deployment.spec as { readonly selector: { readonly matchLabels: object } };
    expect(budget.spec).toMatchObject({ maxUnavailable: 1, selector });
    expect(deployment.spec).toMatchObject({ template: { metadata: { labels: selector.matchLabels } } });
    const { timeoutMs } = resolveOptions({ inputs: ['a.csv'], apiKey: 'k' }, {});
    for (const [, , { terminationGracePeriodSeconds: seconds }] of pods) {
      if (seconds !== undefined) expect(seconds * 1000).toBeGreaterThan(2 * timeoutMs);
    }
  });

  it('are read as kubectl reads them', () => {
    expect(parseManifests('kind: a\nmode: 0440\n---\nkind: b\n')).toEqual([{ kind: 'a', mode: 0o440 }, { kind: 'b' }]);
    expect(() => parseManifests('kind: {')).toThrow();
  });
});
