/** Child processes run the compiled packages, as users do. Jest's source mapping does not apply to them. */
module.exports = async function buildFirst() {
  const { buildAll } = await import('../../../tools/build.mjs');
  await buildAll();
};
