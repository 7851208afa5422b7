import type { NxHashDetails } from '@org/dte-nx-compat';

type Inputs = Readonly<Record<string, string>>;

const flatten = (details: NxHashDetails | undefined): Inputs =>
  details === undefined
    ? {}
    : { command: details.command, ...details.nodes, ...details.implicitDeps, ...details.runtime };

/**
 * Names the inputs that differ between the main job's hash and the agent's, the first few of them.
 * Null when neither side says what its hash was made of.
 */
export function describeHashDifference(
  main: NxHashDetails | undefined,
  agent: Inputs | null,
  most = 3,
): string | null {
  const ours = flatten(main);
  const theirs = agent ?? {};
  if (Object.keys(ours).length === 0 || Object.keys(theirs).length === 0) return null;
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter(
    (name) => ours[name] !== theirs[name],
  );
  if (names.length === 0) return null;
  const shown = names.slice(0, most).map((name) => {
    if (ours[name] === undefined) return `${name} (on the agent only)`;
    return theirs[name] === undefined ? `${name} (in the main job only)` : name;
  });
  return `Different on the agent: ${shown.join(', ')}${names.length > most ? ` and ${names.length - most} more` : ''}.`;
}
