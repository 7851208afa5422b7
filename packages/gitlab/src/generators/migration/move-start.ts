import { isMap, isScalar, isSeq, visit, type YAMLSeq } from 'yaml';
import { type Report } from '../workspace/report';
import { applySplices, insertAfterLine, lineNumber } from '../text/splice';
import { contentEnd, keyText, linesOfNode, rangeOf, readYaml, startsLine } from '../text/yaml';

const START = /\bdte start-ci-run\b/;

/** Commands that install the workspace's packages; installs of single tools (-g, --prefix) do not count. */
export function isInstall(line: string): boolean {
  return line
    .split(/[;&|\n]+/)
    .some(
      (part) =>
        /^\s*(?:npm (?:ci|install|i)|pnpm (?:install|i)|bun (?:install|ci|i)|yarn(?: install)?(?= -|\s*$))(?: |\s*$)/.test(
          `${part} `,
        ) && !/ (?:-g|--global|--prefix)\b/.test(part),
    );
}

const textOf = (item: unknown): string => (isScalar(item) ? String(item.value) : '');

function moved(text: string, seq: YAMLSeq): { text: string; place: number } | null {
  const from = seq.items.findIndex((item) => START.test(textOf(item)));
  const to = seq.items.findLastIndex((item) => isInstall(textOf(item)));
  const [item, install] = [seq.items[from], seq.items[to]];
  if (from === -1 || to <= from || seq.flow === true) return null;
  // Several commands in one entry: only a person knows which of them need what.
  if (!isScalar(item) || textOf(item).includes('\n') || isInstall(textOf(item))) return null;
  const { start } = rangeOf(item);
  if (!startsLine(text, start)) return null;
  const lines = linesOfNode(text, start, contentEnd(item));
  const line = text.slice(lines.start, lines.end).replace(/\r?\n$/, '');
  const edited = applySplices(text, [lines, insertAfterLine(text, contentEnd(install) - 1, [line])]);
  return { text: edited, place: lineNumber(text, start) };
}

/**
 * `start-ci-run` came before the install, because the vendor's client was downloaded from the registry. Ours is one of
 * the installed packages, so it moves below the install.
 */
export function startBelowInstall(text: string, path: string, report: Report): string {
  const root = readYaml(text)?.root ?? null;
  if (root === null) return text;
  const lists: YAMLSeq[] = [];
  visit(root, { Seq: (_, seq) => void lists.push(seq) });
  for (const seq of lists) {
    const result = moved(text, seq);
    if (result === null) continue;
    report.change(`${path}:${result.place}`, 'start-ci-run moved below the install, which installs dte');
    return startBelowInstall(result.text, path, report);
  }
  tellEarlyStart(text, path, report);
  return text;
}

/** The case that cannot be moved: started in before_script, installed in script. */
function tellEarlyStart(text: string, path: string, report: Report): void {
  const root = readYaml(text)?.root;
  for (const job of root?.items ?? []) {
    if (!isMap(job.value)) continue;
    const scriptOf = (key: string): string[] => {
      const found = isMap(job.value)
        ? job.value.items.find((pair) => keyText(pair) === key)?.value
        : undefined;
      return isSeq(found) ? found.items.map(textOf) : [textOf(found)];
    };
    const before = scriptOf('before_script');
    if (
      before.some((line) => START.test(line)) &&
      !before.some(isInstall) &&
      scriptOf('script').some(isInstall)
    ) {
      report.hand(
        `${path}:${lineNumber(text, rangeOf(job.key).start)}`,
        `job ${keyText(job)} starts dte in before_script but installs in script: start it after the install`,
      );
    }
  }
}
