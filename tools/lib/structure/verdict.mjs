import { LIMITS } from './limits.mjs';

const SHOWN = 25;

function listed(found, isVerbose) {
  const most = isVerbose ? found.length : SHOWN;
  const rest = found.length > most ? [`  and ${found.length - most} more; --verbose names them`] : [];
  return [...found.slice(0, most).map((line) => `  ${line}`), ...rest];
}

/**
 * Compares figures with their limits, or with the temporary ceilings.
 * @returns {{ lines: string[], passes: boolean }} what to print
 */
export function verdictOf(figures, ceilings, isVerbose = false) {
  const lines = [];
  let passes = true;
  for (const [name, { most, cure }] of Object.entries(LIMITS)) {
    const { value, found } = figures[name];
    const ceiling = ceilings[name];
    const fails = value > (ceiling ?? most);
    const isNeedless = ceiling !== undefined && value <= most;
    if (fails || isNeedless) passes = false;
    if (fails || (isVerbose && value > most)) {
      const until = ceiling === undefined ? '' : `, for now ${ceiling}`;
      lines.push(`${name} is ${value}, at most ${most}${until}: ${cure}.`, ...listed(found, isVerbose));
    }
    if (isNeedless) lines.push(`${name} is ${value}, at most ${most}: remove its ceiling from ceilings.mjs.`);
    else if (ceiling !== undefined && value < ceiling)
      lines.push(`${name} is ${value}: lower its ceiling of ${ceiling} in ceilings.mjs.`);
  }
  return { lines, passes };
}
