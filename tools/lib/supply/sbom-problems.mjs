const VERSIONS = ['1.5', '1.6'];

/**
 * What is wrong with a CycloneDX document of our packages.
 * @param {{ bomFormat?: string, specVersion?: string, components?: { name: string, group?: string, version?: string, purl?: string }[] }} document
 * @param {{ name: string, dependencies?: Record<string, string> }[]} manifests of the published packages
 * @returns {string[]}
 */
export function sbomProblems(document, manifests) {
  const { bomFormat, specVersion, components = [] } = document;
  const problems = [];
  if (bomFormat !== 'CycloneDX') problems.push(`bomFormat is ${bomFormat}`);
  if (!VERSIONS.includes(specVersion))
    problems.push(`specVersion is ${specVersion}, expected one of ${VERSIONS.join(', ')}`);
  const names = new Set(
    components.map(({ group, name }) => (group && !name.startsWith('@') ? `${group}/${name}` : name)),
  );
  for (const { name, dependencies = {} } of manifests)
    for (const wanted of [name, ...Object.keys(dependencies)])
      if (!names.has(wanted)) problems.push(`${wanted} is missing (of ${name})`);
  for (const { name, version, purl } of components)
    if (!version || !purl) problems.push(`${name} has no version or no purl`);
  return [...new Set(problems)];
}
