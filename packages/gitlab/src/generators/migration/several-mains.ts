import { isMap, isScalar, isSeq, type Pair, type YAMLMap } from 'yaml';
import { type Report } from '../workspace/report';
import { type Scope } from './scope';
import { lineNumber } from '../text/splice';
import { findPair, keyText, rangeOf, readYaml, textsOf, topPair } from '../text/yaml';

const namesIn = (value: unknown): string[] => {
  if (isScalar(value)) return [String(value.value)];
  return isSeq(value) ? value.items.flatMap(namesIn) : [];
};

/** Does the job have one of these names, or extend one that does? */
function leadsTo(root: YAMLMap, job: Pair, names: ReadonlySet<string>, seen = new Set<string>()): boolean {
  const name = keyText(job);
  if (names.has(name)) return true;
  if (seen.has(name) || !isMap(job.value)) return false;
  seen.add(name);
  return namesIn(findPair(job.value, 'extends')?.value).some((parent) => {
    const pair = findPair(root, parent);
    return pair !== undefined && leadsTo(root, pair, names, seen);
  });
}

function hasEnvironment(job: Pair): boolean {
  const variables = isMap(job.value) ? findPair(job.value, 'variables')?.value : undefined;
  return isMap(variables) && findPair(variables, 'DTE_ENVIRONMENT') !== undefined;
}

/** A template with `start-ci-run` that several jobs extend makes each of them a main job: only a person can separate them. */
export function tellSeveralMains(
  text: string,
  { path, scope }: { readonly path: string; readonly scope: Scope },
  report: Report,
): void {
  const root = readYaml(text)?.root;
  if (!root) return;
  const owners = textsOf(root)
    .filter(({ scalar }) => /\bdte start-ci-run\b/.test(scalar.value))
    .map(({ parents }) => topPair(parents))
    .filter((pair) => pair !== undefined);
  const names = new Set(owners.map(keyText));
  const jobs = root.items.filter(
    (job) => !keyText(job).startsWith('.') && scope(keyText(job)) && leadsTo(root, job, names),
  );
  const first = jobs[0];
  if (first === undefined || jobs.length < 2 || jobs.every(hasEnvironment)) return;
  report.hand(
    `${path}:${lineNumber(text, rangeOf(first.key).start)}`,
    `${jobs.map(keyText).join(', ')} all start dte, but agents serve one main job: put their nx commands into one job, or set DTE_ENVIRONMENT for each of them and add separate agents`,
  );
}
