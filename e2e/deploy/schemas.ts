// Kubernetes' own schemas are megabytes, and not where the tests run. These are stricter where it matters: nothing unknown is
// accepted, and what makes the pod safe is required with its value. A field that is missing here is added when a manifest needs it.
type Schema = Readonly<Record<string, unknown>>;

const text = { type: 'string', minLength: 1 };
const count = { type: 'integer', minimum: 0 };
const list = (items: Schema): Schema => ({ type: 'array', items });
const map: Schema = { type: 'object', additionalProperties: { type: 'string' } };
/** An object with exactly these fields; those whose name ends with `?` may be missing. */
function object(fields: Record<string, Schema>): Schema {
  const names = Object.keys(fields);
  return {
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(names.map((name) => [name.replace('?', ''), fields[name]])),
  };
}
const fixed = (value: unknown): Schema => ({ const: value });
const quantity = { type: 'string', pattern: '^\\d+(m|Ki|Mi|Gi|Ti)?$' };
const name = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' };

const metadata = object({ name, 'labels?': map, 'annotations?': map });
const selector = object({ matchLabels: map });
const port = { type: ['integer', 'string'] };
const resource = (apiVersion: string, kind: string, spec: Schema): Schema =>
  object({ apiVersion: fixed(apiVersion), kind: fixed(kind), metadata, spec });

const probe = (path: string): Schema =>
  object({
    httpGet: object({ path: fixed(path), port: fixed('jobs'), scheme: { enum: ['HTTP', 'HTTPS'] } }),
    periodSeconds: count,
    timeoutSeconds: count,
    failureThreshold: count,
  });

const container = object({
  name,
  image: text,
  args: fixed(['coordinator']),
  env: list(
    object({
      name: { type: 'string', pattern: '^(DTE_[A-Z_]+|NODE_EXTRA_CA_CERTS|(HTTPS?|NO)_PROXY)$' },
      'value?': text,
      'valueFrom?': { type: 'object' },
    }),
  ),
  ports: list(object({ name, containerPort: count })),
  startupProbe: probe('/v1/health'),
  livenessProbe: probe('/v1/health'),
  readinessProbe: probe('/v1/ready'),
  resources: object({
    requests: object({ cpu: quantity, memory: quantity }),
    limits: object({ memory: quantity }),
  }),
  securityContext: fixed({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  volumeMounts: list(object({ name, mountPath: text, 'readOnly?': { type: 'boolean' } })),
});

const pod = object({
  automountServiceAccountToken: fixed(false),
  imagePullSecrets: list(object({ name })),
  terminationGracePeriodSeconds: count,
  securityContext: fixed({
    runAsNonRoot: true,
    runAsUser: 1000,
    runAsGroup: 1000,
    fsGroup: 1000,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  containers: { type: 'array', items: container, minItems: 1, maxItems: 1 },
  volumes: list(object({ name, secret: object({ secretName: name, 'optional?': fixed(true) }) })),
  nodeSelector: map,
  tolerations: list({ type: 'object' }),
  affinity: { type: 'object' },
});

const networkPort = object({ port, 'protocol?': { enum: ['TCP', 'UDP'] } });

/** Of each kind that the chart makes. */
export const KINDS: Readonly<Record<string, Schema>> = {
  StatefulSet: resource(
    'apps/v1',
    'StatefulSet',
    object({
      replicas: fixed(1),
      serviceName: name,
      selector,
      template: object({ metadata: object({ labels: map }), spec: pod }),
      volumeClaimTemplates: list(
        object({
          metadata: object({ name }),
          spec: object({
            accessModes: fixed(['ReadWriteOnce']),
            'storageClassName?': text,
            resources: object({ requests: object({ storage: quantity }) }),
          }),
        }),
      ),
    }),
  ),
  Service: resource(
    'v1',
    'Service',
    object({
      type: { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] },
      // The only pod is not ready when its disk is full or it drains: jobs of running sessions still need it.
      publishNotReadyAddresses: fixed(true),
      selector: map,
      ports: list(object({ name, port: count, targetPort: port })),
    }),
  ),
  PodDisruptionBudget: resource(
    'policy/v1',
    'PodDisruptionBudget',
    object({ maxUnavailable: fixed(1), selector }),
  ),
  NetworkPolicy: resource(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    object({
      podSelector: selector,
      policyTypes: fixed(['Ingress', 'Egress']),
      ingress: list(
        object({ ports: list(networkPort), 'from?': list(object({ namespaceSelector: selector })) }),
      ),
      egress: list(object({ ports: list(networkPort) })),
    }),
  ),
  ServiceMonitor: resource(
    'monitoring.coreos.com/v1',
    'ServiceMonitor',
    object({ selector, endpoints: list(object({ port: text, path: text, interval: text })) }),
  ),
};

export const COMPOSE: Schema = object({
  name,
  services: object({
    coordinator: object({
      build: object({ context: text, dockerfile: text, args: map }),
      image: text,
      environment: map,
      env_file: list(object({ path: text, required: fixed(false) })),
      ports: list({ type: 'string', pattern: '^\\d+:\\d+$' }),
      volumes: fixed(['data:/var/lib/dte']),
      read_only: fixed(true),
      cap_drop: fixed(['ALL']),
      security_opt: fixed(['no-new-privileges:true']),
      ulimits: object({ nofile: count }),
      stop_grace_period: { type: 'string', pattern: '^\\d+s$' },
      restart: { enum: ['no', 'always', 'on-failure', 'unless-stopped'] },
      healthcheck: object({ test: list(text), interval: text, timeout: text, start_period: text }),
    }),
  }),
  volumes: object({ data: object({}) }),
});
