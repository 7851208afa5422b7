import { isMap, isScalar } from 'yaml';
import { findPair, readYaml } from '../text/yaml';

/** The image that a GitLab file sets for all jobs, as written; null if it sets none, or by a reference. */
export function imageOf(text: string): string | null {
  const root = readYaml(text)?.root;
  if (!root) return null;
  const inDefault = findPair(root, 'default')?.value;
  const pair = findPair(root, 'image') ?? (isMap(inDefault) ? findPair(inDefault, 'image') : undefined);
  const value = isMap(pair?.value) ? findPair(pair.value, 'name')?.value : pair?.value;
  return isScalar(value) ? String(value.value) : null;
}
