import { type CacheOrigin, type RunSpec, type Sharing } from '@org/dte-protocol';
import { runOfTasks, sendArtifact, tempFolders } from '@org/dte-testing';
import { ExecutorBench, ended } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

const ORIGIN: CacheOrigin = {
  scope: 'trusted',
  pipelineId: '4711',
  jobId: '12',
  commit: 'abc',
  agent: 'agent-1',
  atMs: 1,
};

/** Another pipeline has made everything that is asked for. */
function othersHaveAll(): void {
  bench.server.handler = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.method === 'PUT') bench.server.stored.set(request.url ?? '', body);
      if (request.method === 'GET') {
        sendArtifact(response, Buffer.from('of another pipeline'));
        return;
      }
      const { hashes = [] } = (request.method === 'POST' ? JSON.parse(body.toString()) : {}) as {
        hashes?: string[];
      };
      response.end(JSON.stringify({ held: hashes, origins: hashes.map(() => ORIGIN) }));
    });
  };
}

const shared = (sharing: Sharing | undefined): RunSpec => {
  const spec = runOfTasks(['app:build', 'lib:build']);
  return { ...spec, tasks: spec.tasks.map((task) => (sharing === undefined ? task : { ...task, sharing })) };
};

it('the result of an attempt is what it has made, also where another pipeline has one of the same hash', async () => {
  othersHaveAll();
  bench.host.run = () => Promise.resolve(ended({ store: { kind: 'failed', message: 'cut off' } }));
  bench.send({}, shared(undefined));
  expect(await bench.result()).toMatchObject({ artifact: { kind: 'attempt' } });
  expect([...bench.server.stored.keys()].join()).toContain('/attempts/');
});

it.each([
  [undefined, { local: true, shared: true, published: true }],
  ['this-pipeline', { local: false, shared: false, published: true }],
  ['never', { local: false, shared: false, published: false }],
] as const)('a task with the rule %s uses %j', async (sharing, use) => {
  bench.send({}, shared(sharing));
  await bench.result();
  expect(bench.host.cache.useOf('app:build')).toEqual(use);
});

it('a dependency that must be made in this pipeline is not restored from another one', async () => {
  othersHaveAll();
  // What this machine has differs, so the archive itself is fetched.
  const outputs = { digest: 'a'.repeat(64), entries: 0, bytes: 0 };
  bench.host.fetched = {
    kind: 'remote',
    entry: { code: 0, terminalOutput: '', outputsPath: '' },
    outputs: { ...outputs, digest: 'b'.repeat(64) },
  };
  bench.send(
    { restore: [{ taskId: 'lib:build', hash: '5', artifact: { kind: 'cache', hash: '5', outputs } }] },
    shared('this-pipeline'),
  );
  expect(await bench.result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_UNKNOWN_HASH' } });
});
