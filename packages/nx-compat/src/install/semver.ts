import { createRequire } from 'node:module';
import { join } from 'node:path';
import { resolveNx } from './nx-install';

interface Semver {
  validRange(range: string): string | null;
  satisfies(version: string, range: string): boolean;
  minVersion(range: string): { version: string } | null;
}

/** The library with which Nx itself reads ranges of versions: every supported Nx depends on it. */
const semverOf = (workspaceRoot?: string): Semver =>
  createRequire(join(resolveNx(workspaceRoot).packageRoot, 'package.json'))('semver') as Semver;

/** Larger than any minor or patch number of Node. */
const LAST = 999;

/**
 * The shortest version that a tag of an image can have so that its newest release is in a range: `22`, `22.12` or `22.12.1`.
 * @param majors preferred, the first that fits
 * @returns null for a text that is no range, or if there is no Nx
 */
export function versionInRange(
  range: string,
  majors: readonly number[],
  workspaceRoot?: string,
): string | null {
  let semver: Semver;
  try {
    semver = semverOf(workspaceRoot);
  } catch {
    return null;
  }
  if (semver.validRange(range) === null) return null;
  const fits = (version: string): boolean => semver.satisfies(version, range);
  const major = majors.find((each) => fits(`${each}.${LAST}.${LAST}`));
  if (major !== undefined) return String(major);
  // A range such as `~22.12` or `>=22.0.0 <22.9.0`, or of majors that are not preferred.
  const lowest = semver.minVersion(range)?.version;
  if (lowest === undefined) return null;
  const [first = '', second = ''] = lowest.split('.');
  if (fits(`${first}.${LAST}.${LAST}`)) return first;
  return fits(`${first}.${second}.${LAST}`) ? `${first}.${second}` : lowest;
}
