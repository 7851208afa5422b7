import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HTTP, LIMITS } from '@org/dte-protocol';
import { httpCall, REPOSITORY, RunningProcess } from '@org/dte-testing';
import Ajv from 'ajv';
import { parse } from 'yaml';
import { chartValues, documentsOf, render, rendered } from './chart';
import { canConfine, confined, wordsOf } from './confined';
import { COMPOSE, KINDS } from './schemas';

const DEPLOY = join(REPOSITORY, 'deploy');
const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** What the tests read of a resource. */
interface Spec {
  readonly selector?: unknown;
  readonly endpoints?: { readonly port: string }[];
  readonly ports?: { readonly name: string; readonly port: number; readonly targetPort: string }[];
  readonly egress?: { readonly ports: { readonly port: number }[] }[];
  readonly template?: { readonly spec: { readonly containers: { ports: unknown[]; env: unknown[] }[] } };
}

function expectValid(resource: unknown): void {
  const { kind } = resource as Resource;
  const schema = KINDS[kind];
  if (schema === undefined) throw new Error(`There is no schema for ${kind}.`);
  const validate = ajv.compile(schema);
  expect([kind, validate(resource), validate.errors]).toEqual([kind, true, null]);
}

const withValues = (change: Record<string, unknown>): Record<string, unknown> => ({
  ...chartValues(),
  ...change,
});
const documents = (values: Record<string, unknown>): Resource[] =>
  [...rendered(values).values()]
    .flatMap((text) => documentsOf(text))
    .filter((each) => each !== null) as Resource[];

describe('the chart', () => {
  const metrics = { enabled: true, serviceMonitor: true, namespace: 'monitoring', serviceMonitorLabels: {} };
  it.each([
    ['its own values', {}, ['NetworkPolicy', 'PodDisruptionBudget', 'Service', 'StatefulSet']],
    [
      'everything switched on',
      {
        metrics: { ...metrics, serviceMonitorLabels: { release: 'prometheus' } },
        networkPolicy: { enabled: true, egressPorts: [443, 9000] },
        tlsSecret: 'dte-tls',
        storageClass: 'fast',
        imagePullSecrets: [{ name: 'registry' }],
        env: [
          { name: 'DTE_LOG_LEVEL', value: 'debug' },
          { name: 'DTE_CACHE', value: 'coordinator' },
          { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/dte/files/ca.crt' },
          { name: 'HTTPS_PROXY', value: 'http://proxy.example.com:443' },
        ],
      },
      ['NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceMonitor', 'StatefulSet'],
    ],
    [
      'no network policy',
      { networkPolicy: { enabled: false, egressPorts: [443] } },
      ['PodDisruptionBudget', 'Service', 'StatefulSet'],
    ],
  ])('renders to valid resources with %s', (_, change, kinds) => {
    const all = documents(withValues(change));
    expect(all.map(({ kind }) => kind).sort()).toEqual(kinds);
    all.forEach(expectValid);
  });

  it('lets a monitor find the port of the metrics, and out what its values name', () => {
    const labels = { release: 'prometheus' };
    const networkPolicy = { enabled: true, egressPorts: [443, 9000] };
    const all = documents(
      withValues({ networkPolicy, metrics: { ...metrics, serviceMonitorLabels: labels } }),
    ) as (Resource & { metadata: { labels: unknown }; spec: Spec })[];
    const of = (kind: string) => all.find((each) => each.kind === kind);
    const monitor = of('ServiceMonitor');
    expect(monitor?.metadata.labels).toEqual(labels);
    expect(monitor?.spec.selector).toEqual({ matchLabels: of('Service')?.metadata.labels });
    const [port] = monitor?.spec.endpoints?.map((each) => each.port) ?? [];
    const named = of('Service')?.spec.ports?.find(({ name }) => name === port);
    const container = of('StatefulSet')?.spec.template?.spec.containers[0];
    expect(container?.ports).toContainEqual({ name: named?.targetPort, containerPort: named?.port });
    expect(container?.env).toContainEqual({ name: 'DTE_METRICS_PORT', value: String(named?.port) });
    const ports = of('NetworkPolicy')?.spec.egress?.flatMap((rule) => rule.ports.map((each) => each.port));
    expect(ports).toEqual([53, 53, 443, 9000]);
  });

  it('is patched by the kustomization where its image and its issuers are', () => {
    const { images, patches } = parse(
      readFileSync(join(DEPLOY, 'kubernetes', 'kustomization.yaml'), 'utf8'),
    ) as { images: { name: string; newTag: string }[]; patches: { patch: string }[] };
    expect(images.map(({ name, newTag }) => `${name}:${newTag}`)).toEqual([chartValues()['image']]);
    const operations = patches.flatMap(({ patch }) => parse(patch) as { path: string; value: string }[]);
    const found = documents(chartValues()).find(({ kind }) => kind === 'StatefulSet');
    const at = (path: string): unknown =>
      path
        .split('/')
        .slice(1)
        .reduce((value: unknown, name) => Reflect.get(Object(value), name), found);
    for (const { path, value } of operations) {
      expect(path).toMatch(/\/value$/);
      expect(at(path.replace(/value$/, 'name'))).toBe('DTE_ISSUERS');
      expect(at(path)).toBe(value);
    }
    expect(operations).toHaveLength(1);
  });

  it('asks the endpoints that a coordinator has, by https if it has a certificate', () => {
    for (const [tlsSecret, scheme] of [
      ['', 'HTTP'],
      ['dte-tls', 'HTTPS'],
    ]) {
      const text = JSON.stringify(
        documents(withValues({ tlsSecret })).find(({ kind }) => kind === 'StatefulSet'),
      );
      const probe = (path: string): string => JSON.stringify({ path, port: 'jobs', scheme });
      expect(text).toContain(`"livenessProbe":{"httpGet":${probe(HTTP.health)}`);
      expect(text).toContain(`"readinessProbe":{"httpGet":${probe(HTTP.ready)}`);
    }
  });

  it('is what deploy/kubernetes holds, rendered with its own values', () => {
    const folder = join(DEPLOY, 'kubernetes');
    const expected = rendered(chartValues());
    for (const [name, text] of expected)
      if (documentsOf(text).every((each) => each === null)) expected.delete(name);
    if (process.env['UPDATE_MANIFESTS'] === '1')
      for (const [name, text] of expected) writeFileSync(join(folder, name), text);
    const { resources } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
      resources: string[];
    };
    expect(resources).toEqual([...expected.keys()]);
    for (const [name, text] of expected) expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
  });

  it.each(['{{ include "x" . }}', '{{ .Values.unknown }}', '{{ .Values.resources }}', '{{ end }}'])(
    'has no template with %s, which could not be tried here',
    (text) => expect(() => render(text, chartValues())).toThrow(),
  );

  it.each([
    ['a second replica', { replicas: 2 }],
    ['a field that Kubernetes does not know', { replica: 1 }],
  ])('would not pass with %s', (_, change) => {
    const found = documents(chartValues()).find(({ kind }) => kind === 'StatefulSet') as unknown as {
      spec: object;
    };
    Object.assign(found.spec, change);
    expect(() => expectValid(found)).toThrow();
  });
});

it('the compose file is valid, and stops later than a coordinator drains', () => {
  const compose: unknown = parse(readFileSync(join(DEPLOY, 'compose', 'compose.yaml'), 'utf8'));
  const validate = ajv.compile(COMPOSE);
  expect([validate(compose), validate.errors]).toEqual([true, null]);
});

it('every way to deploy waits longer than a coordinator takes to end', () => {
  // It drains, closes, and stores results of the shared cache for as long as it drains.
  const needed = (2 * LIMITS.coordinatorDrainMs.value + LIMITS.closeMs.value) / 1_000;
  const seconds = (path: string, pattern: RegExp): number =>
    Number(pattern.exec(readFileSync(join(DEPLOY, path), 'utf8'))?.[1]);
  expect(seconds('compose/compose.yaml', /stop_grace_period: (\d+)s/)).toBeGreaterThan(needed);
  expect(seconds('systemd/dte-coordinator.service', /TimeoutStopSec=(\d+)/)).toBeGreaterThan(needed);
  expect(seconds('chart/templates/statefulset.yaml', /terminationGracePeriodSeconds: (\d+)/)).toBeGreaterThan(
    needed,
  );
});

it('the versions of the chart are those of the package', () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'packages/dte/package.json'), 'utf8')) as {
    version: string;
  };
  const chart = parse(readFileSync(join(DEPLOY, 'chart/Chart.yaml'), 'utf8')) as Record<string, unknown>;
  expect(chart).toMatchObject({ version, appVersion: version, apiVersion: 'v2' });
  expect(chartValues()['image']).toMatch(new RegExp(`:${version}$`));
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
/** A machine without systemd (a container image) has nothing that could check its files. */
(hasSystemd ? describe : describe.skip)('the unit of systemd', () => {
  const unit = join(DEPLOY, 'systemd', 'dte-coordinator.service');

  it('is one that systemd understands completely', () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it('would not pass with a line that systemd does not know', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dte-unit-'));
    const copy = join(folder, 'dte-coordinator.service');
    writeFileSync(copy, readFileSync(unit, 'utf8').replace('RemoveIPC=', 'RemoveIpc='));
    const { stderr } = spawnSync('systemd-analyze', ['verify', copy], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(stderr).toContain('RemoveIpc');
  });
});

(canConfine ? describe : describe.skip)('the service of systemd', () => {
  const unit = readFileSync(join(DEPLOY, 'systemd', 'dte-coordinator.service'), 'utf8');
  const families = wordsOf(unit, 'RestrictAddressFamilies');
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dte-service-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Its command and its variables, with the package of this repository, a folder and a port of the test. */
  function start(allowed: readonly string[]): RunningProcess {
    const installed = '/opt/dte/node_modules/@org/dte';
    const line = wordsOf(unit, 'ExecStart').map((word) =>
      word.replace(installed, join(REPOSITORY, 'packages/dte')),
    );
    expect(line.join(' ')).toContain(join(REPOSITORY, 'packages/dte/dist/cli/main.js'));
    const [command = '', ...args] = confined(allowed, line);
    const variables = wordsOf(unit, 'Environment').map((word) => word.split('=') as [string, string]);
    return new RunningProcess({
      name: 'service',
      command,
      args,
      cwd: wordsOf(unit, 'WorkingDirectory')[0] ?? '',
      env: {
        PATH: process.env['PATH'],
        ...Object.fromEntries(variables),
        DTE_DATA_DIR: folder,
        DTE_PORT: '0',
        DTE_ISSUERS: 'https://gitlab.example.com',
      },
    });
  }

  it('starts with the kinds of sockets that the unit permits, and ends when it is asked to', async () => {
    const service = start(families);
    await service.waitForOutput('coordinator on http://0.0.0.0:');
    const port = Number(/coordinator on http:\S+:(\d+)/.exec(service.output())?.[1]);
    const answer = await httpCall(`http://127.0.0.1:${port}`, { path: HTTP.ready });
    expect([answer.status, answer.text]).toEqual([200, '{"ready":true}']);
    service.signal('SIGTERM');
    expect((await service.end()).code).toBe(0);
  });

  it('would not start without that for the addresses of the machine', async () => {
    const service = start(families.filter((name) => name !== 'AF_NETLINK'));
    expect((await service.end()).code).not.toBe(0);
    expect(service.output()).toContain('uv_interface_addresses');
  });
});

it('every file of deploy is one that these tests know', () => {
  const known = ['Containerfile', 'chart', 'compose', 'grafana', 'kubernetes', 'systemd', 'tarballs'];
  expect(readdirSync(DEPLOY).filter((name) => !known.includes(name))).toEqual([]);
  expect(existsSync(join(DEPLOY, 'kubernetes'))).toBe(true);
});
