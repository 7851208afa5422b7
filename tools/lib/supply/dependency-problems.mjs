const OWN = /^@org\/dte(-|$)/;

/** Rows of the table: | `name` | packages | reason |. */
function rowsOf(text) {
  const rows = text.split('\n').flatMap((line) => {
    const [, name, users, reason] = /^\|\s*`([^`]+)`\s*\|([^|]*)\|([^|]*)\|/.exec(line) ?? [];
    return name === undefined
      ? []
      : [[name, { users: users.match(/[a-z-]+/g) ?? [], reason: reason.trim() }]];
  });
  return new Map(rows);
}

/**
 * @param {string} text of docs/reference/dependencies.md
 * @param {{ name: string, dependencies?: Record<string, string>, peerDependencies?: Record<string, string> }[]} manifests
 * @returns {string[]}
 */
export function dependencyProblems(text, manifests) {
  const rows = rowsOf(text);
  const used = new Map();
  for (const { name, dependencies = {}, peerDependencies = {} } of manifests)
    for (const each of Object.keys({ ...dependencies, ...peerDependencies }).filter((key) => !OWN.test(key)))
      used.set(each, [...(used.get(each) ?? []), name.replace(/^@org\/(dte-)?/, '')]);
  const problems = [];
  for (const [name, users] of used) {
    const row = rows.get(name);
    if (row === undefined || row.reason === '')
      problems.push(`docs/reference/dependencies.md: no reason for ${name}, which ${users.join(', ')} needs`);
    else if (row.users.toSorted().join() !== users.toSorted().join())
      problems.push(`docs/reference/dependencies.md: ${name} is used by ${users.toSorted().join(', ')}`);
  }
  for (const name of rows.keys())
    if (!used.has(name)) problems.push(`docs/reference/dependencies.md: nothing needs ${name}`);
  return problems;
}
