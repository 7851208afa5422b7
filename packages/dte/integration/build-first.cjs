/** Child processes run what users run: the compiled packages. Jest's source mapping does not reach them. */
module.exports = async function buildFirst() {
  const { buildAll } = await import('../../../tools/build.mjs');
  await buildAll();
};
