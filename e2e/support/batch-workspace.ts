import type { FileContent } from '@org/dte-testing';

const make = `
const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
module.exports = (root, id, { out, fail, once }, how) => {
  // Fails if this file does not exist yet, and creates it.
  const gate = join(process.env.SAMPLE_GATES, id.replace(':', '-'));
  const isFirst = once && !existsSync(gate);
  if (isFirst) writeFileSync(gate, '');
  const note = { id, what: 'end', machine: process.env.MACHINE, pid: process.pid, at: Date.now() };
  if (process.env.SAMPLE_JOURNAL) appendFileSync(process.env.SAMPLE_JOURNAL, JSON.stringify(note) + '\\n');
  // To whoever is interested, as executors do that are usually run by something else.
  if (process.send) process.send({ made: id });
  mkdirSync(join(root, out), { recursive: true });
  writeFileSync(join(root, out, 'out.txt'), id + (isFirst ? ' first ' : ' ') + how + '\\n');
  return { success: !fail && !isFirst, terminalOutput: how + ' ' + id + '\\n', startTime: Date.now(), endTime: Date.now() };
};`;

const single = `
const make = require('./make');
module.exports = async (options, { root, projectName, targetName }) => {
  console.log('alone ' + projectName);
  return make(root, projectName + ':' + targetName, options, 'alone');
};`;

/** Works like a compiler: in the order of the edges, and nothing that depends on a failure. */
const batch = `
const make = require('./make');
const idOf = (edge) => (typeof edge === 'string' ? edge : edge.id);
module.exports = async (graph, inputs, overrides, { root, taskGraph }) => {
  const ids = Object.keys(graph.tasks);
  console.log('compiling ' + ids.length + ' of ' + Object.keys(taskGraph.tasks).length);
  const results = {};
  const visit = (id) => {
    if (results[id] !== undefined) return results[id];
    const below = graph.dependencies[id].map(idOf).map(visit);
    if (below.every(({ success }) => success)) return (results[id] = make(root, id, inputs[id], 'together'));
    const terminalOutput = 'not compiled ' + id + '\\n';
    return (results[id] = { success: false, terminalOutput, startTime: Date.now(), endTime: Date.now() });
  };
  ids.forEach(visit);
  return results;
};`;

const stream = `
const make = require('./make');
module.exports = async function* (graph, inputs, overrides, { root }) {
  for (const task of Object.keys(graph.tasks)) yield { task, result: make(root, task, inputs[task], 'streamed') };
};`;

/** Ends when the gate `go` is open; all its tasks start immediately. */
const held = `
const { appendFileSync, existsSync } = require('node:fs');
const { join } = require('node:path');
const make = require('./make');
module.exports = async (graph, inputs, overrides, { root }) => {
  const ids = Object.keys(graph.tasks);
  for (const id of ids) {
    const note = { id, what: 'start', machine: process.env.MACHINE, pid: process.pid, at: Date.now() };
    appendFileSync(process.env.SAMPLE_JOURNAL, JSON.stringify(note) + '\\n');
  }
  await new Promise((done) => {
    const timer = setInterval(() => {
      if (!existsSync(join(process.env.SAMPLE_GATES, 'go'))) return;
      clearInterval(timer);
      done();
    }, 20);
  });
  return Object.fromEntries(ids.map((id) => [id, make(root, id, inputs[id], 'together')]));
};`;

/** Makes the first of its tasks and never ends. */
const stuck = `
const make = require('./make');
module.exports = async function* (graph, inputs, overrides, { root }) {
  const [first] = graph.roots;
  yield { task: first, result: make(root, first, inputs[first], 'streamed') };
  console.log('waiting for nobody');
  await new Promise((done) => setTimeout(done, 1e6));
};`;

const executor = (batchImplementation: string, more: object = {}): object => ({
  implementation: './single.js',
  batchImplementation,
  schema: './schema.json',
  ...more,
});

/** A plugin of the workspace with executors that can run many tasks in one process. */
export const BATCH_PLUGIN: Record<string, FileContent> = {
  'tools/batchy/package.json': { name: 'batchy', version: '0.0.0', executors: './executors.json' },
  'tools/batchy/executors.json': {
    executors: {
      compile: executor('./batch.js'),
      eager: executor('./batch.js', { preferBatch: true }),
      stream: executor('./stream.js'),
      held: executor('./held.js'),
      stuck: executor('./stuck.js'),
    },
  },
  'tools/batchy/schema.json': {
    type: 'object',
    properties: { out: { type: 'string' }, fail: { type: 'boolean' }, once: { type: 'boolean' } },
  },
  'tools/batchy/make.js': make,
  'tools/batchy/single.js': single,
  'tools/batchy/batch.js': batch,
  'tools/batchy/stream.js': stream,
  'tools/batchy/held.js': held,
  'tools/batchy/stuck.js': stuck,
};

/** A project that an executor of that plugin compiles after others, and that is then packed by itself. */
export function batchProject(
  name: string,
  {
    executor: by = 'compile',
    needs = [],
    fail = false,
    once = false,
    compile = {},
  }: { executor?: string; needs?: string[]; fail?: boolean; once?: boolean; compile?: object } = {},
): Record<string, FileContent> {
  const out = `dist/libs/${name}`;
  return {
    [`libs/${name}/project.json`]: {
      name,
      implicitDependencies: needs,
      targets: {
        compile: {
          executor: `./tools/batchy:${by}`,
          cache: true,
          dependsOn: ['^compile'],
          inputs: ['{projectRoot}/**/*', '^default'],
          outputs: ['{options.out}'],
          options: { out, ...(fail ? { fail } : {}), ...(once ? { once } : {}) },
          ...compile,
        },
        pack: {
          cache: true,
          dependsOn: ['compile'],
          outputs: [`{workspaceRoot}/pack/${name}.txt`],
          command: `mkdir -p pack && cp ${out}/out.txt pack/${name}.txt`,
        },
      },
    },
  };
}
