/** An executor whose server behaves as the target of its task says. Plain JavaScript, because it is forked. */
const { appendFileSync } = require('node:fs');

const say = (message) => process.send([message]);

process.on('message', (message) => {
  if (message.type !== 'serve') return;
  const { ref } = message;
  const [, target] = ref.taskId.split(':');
  const tell = (state) => say({ type: 'server', ref, state });
  appendFileSync('servers.log', `${ref.taskId} ${process.pid}\n`);
  if (target === 'unable') {
    tell({ name: 'unable', reason: { code: 'DTE_NX_FAILED', message: 'no such executor' } });
    return;
  }
  say({ type: 'output', ref, offset: 0, data: `${ref.taskId} listens\n` });
  tell({ name: 'started' });
  if (target === 'never') tell({ name: 'failed', why: `${ref.taskId} was not ready.`, failed: true });
  else tell({ name: 'ready' });
  if (target === 'dies') tell({ name: 'failed', why: `${ref.taskId} ended with exit code 4.`, failed: true });
});
process.on('disconnect', () => process.exit(0));
setInterval(() => undefined, 1_000_000);
say({ type: 'ready' });
