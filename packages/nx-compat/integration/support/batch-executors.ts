/** A plugin of the workspace whose executors can run many tasks in one process. */
export const BATCH_EXECUTORS: Record<string, string> = {
  'tools/batchy/package.json': JSON.stringify({
    name: 'batchy',
    version: '0.0.0',
    executors: './executors.json',
  }),
  'tools/batchy/executors.json': JSON.stringify({
    executors: {
      compile: {
        implementation: './single.js',
        batchImplementation: './batch.js',
        schema: './schema.json',
      },
      eager: {
        implementation: './single.js',
        batchImplementation: './batch.js',
        preferBatch: true,
        schema: './schema.json',
      },
      stream: {
        implementation: './single.js',
        batchImplementation: './stream.js',
        schema: './schema.json',
      },
      die: { implementation: './single.js', batchImplementation: './die.js', schema: './schema.json' },
      some: { implementation: './single.js', batchImplementation: './some.js', schema: './schema.json' },
      freeze: {
        implementation: './single.js',
        batchImplementation: './freeze.js',
        schema: './schema.json',
      },
      hang: { implementation: './single.js', batchImplementation: './hang.js', schema: './schema.json' },
    },
  }),
  'tools/batchy/schema.json': JSON.stringify({
    type: 'object',
    properties: { out: { type: 'string' }, fail: { type: 'boolean' } },
  }),
  'tools/batchy/make.js': `
    const { mkdirSync, writeFileSync } = require('node:fs');
    const { join } = require('node:path');
    module.exports = (root, id, { out, fail }, how) => {
      mkdirSync(join(root, out), { recursive: true });
      writeFileSync(join(root, out, 'out.txt'), id + ' ' + how + '\\n');
      return { success: !fail, terminalOutput: how + ' ' + id + '\\n', startTime: Date.now(), endTime: Date.now() };
    };`,
  'tools/batchy/single.js': `
    const make = require('./make');
    module.exports = async (options, { root, projectName, targetName }) => make(root, projectName + ':' + targetName, options, 'single');`,
  // In the order of the edges, like a compiler; messages about edges and the rest of the run go to the log.
  'tools/batchy/batch.js': `
    const make = require('./make');
    const idOf = (edge) => (typeof edge === 'string' ? edge : edge.id);
    module.exports = async (graph, inputs, overrides, { root, taskGraph }) => {
      const edges = Object.entries(graph.dependencies).flatMap(([id, needs]) => needs.map((edge) => id + '>' + idOf(edge)));
      console.log('roots ' + [...graph.roots].sort().join(' ') + '; edges ' + edges.sort().join(' '));
      console.error('of ' + Object.keys(taskGraph.tasks).length);
      return Object.fromEntries(Object.keys(graph.tasks).map((id) => [id, make(root, id, inputs[id], 'together')]));
    };`,
  'tools/batchy/stream.js': `
    const make = require('./make');
    module.exports = async function* (graph, inputs, overrides, { root }) {
      for (const task of Object.keys(graph.tasks)) yield { task, result: make(root, task, inputs[task], 'streamed') };
    };`,
  'tools/batchy/die.js': `module.exports = async () => { console.log('dying'); process.exit(3); };`,
  // Reports the end of its first task, hangs, and exits with code 0 on the signal.
  'tools/batchy/some.js': `
    const make = require('./make');
    module.exports = async function* (graph, inputs, overrides, { root }) {
      const stopped = new Promise((done) => process.once('SIGTERM', done));
      const timer = setTimeout(() => {}, 600000);
      for (const [index, task] of Object.keys(graph.tasks).entries()) {
        if (index > 0) { console.log('hanging'); await stopped; clearTimeout(timer); }
        yield { task, result: make(root, task, inputs[task], 'streamed') };
      }
    };`,
  'tools/batchy/freeze.js': `module.exports = async () => { process.kill(process.pid, 'SIGSTOP'); await new Promise((done) => setTimeout(done, 600000)); };`,
  'tools/batchy/hang.js': `module.exports = async () => { console.log('hanging'); await new Promise((done) => setTimeout(done, 600000)); };`,
};
