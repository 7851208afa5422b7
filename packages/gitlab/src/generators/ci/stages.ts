import { isScalar, isSeq, type YAMLMap, type YAMLSeq } from 'yaml';
import { applySplices, insertAfterLine, lineStart } from '../text/splice';
import { contentEnd, findPair, indentOf, rangeOf, readYaml } from '../text/yaml';

/** GitLab's default stages. `.pre` and `.post` always exist. */
const OWN_STAGES = ['build', 'test', 'deploy'];
const ALWAYS = ['.pre', '.post'];

const namesOf = (seq: YAMLSeq): string[] =>
  seq.items.map((item) => (isScalar(item) ? String(item.value) : ''));

function stagesSeq(root: YAMLMap | null): YAMLSeq | null {
  const value = root === null ? undefined : findPair(root, 'stages')?.value;
  return isSeq(value) && value.tag !== '!reference' ? value : null;
}

/** The stages of a file; GitLab's default ones if it names none, null if they cannot be read. */
export function stagesOf(text: string): readonly string[] | null {
  const yaml = readYaml(text);
  if (yaml === null) return null;
  const { root } = yaml;
  if (root === null || findPair(root, 'stages') === undefined) return OWN_STAGES;
  const seq = stagesSeq(root);
  return seq === null ? null : namesOf(seq);
}

/** The default stage of our jobs. */
export function defaultStage(text: string): string {
  const stages = stagesOf(text) ?? OWN_STAGES;
  return stages.includes('test') ? 'test' : (stages.find((stage) => !ALWAYS.includes(stage)) ?? 'test');
}

const AFTER_TESTS = /^(?:\.post|deploy|release|publish|cleanup)/i;

/**
 * Adds a stage to the file's list: before the first that deploys or releases, else at the end.
 * @returns null if the list cannot be changed (an alias, a reference)
 */
export function addStage(text: string, stage: string): string | null {
  const stages = stagesOf(text);
  if (stages === null) return null;
  if (stages.includes(stage) || ALWAYS.includes(stage)) return text;
  const seq = stagesSeq(readYaml(text)?.root ?? null);
  if (seq === null) {
    // The file gets its first list of stages: GitLab's default stages remain in it.
    return `stages:\n${['build', 'test', stage, 'deploy'].map((name) => `  - ${name}\n`).join('')}\n${text}`;
  }
  const at = namesOf(seq).findIndex((name) => AFTER_TESTS.test(name));
  const [before, last] = [seq.items[at], seq.items.at(-1)];
  if (seq.flow === true) {
    const [offset, body] =
      before !== undefined
        ? [rangeOf(before).start, `${stage}, `]
        : last !== undefined
          ? [contentEnd(last), `, ${stage}`]
          : [rangeOf(seq).end - 1, stage];
    return applySplices(text, [{ start: offset, end: offset, text: body }]);
  }
  const entry = `${indentOf(text, rangeOf(seq).start)}- ${stage}`;
  if (before === undefined) return applySplices(text, [insertAfterLine(text, contentEnd(last) - 1, [entry])]);
  const start = lineStart(text, rangeOf(before).start);
  return applySplices(text, [{ start, end: start, text: `${entry}\n` }]);
}
