import { GITLAB_FILE } from '../../pipeline/options';
import { CI_FILE, tearDownCiFile } from '../ci/ci-file';
import { tearDownNxJson } from '../nx/nx-json';
import { tearDownPackageJson } from '../nx/package-json';

/**
 * What can be taken out of a file by looking at it alone; null removes the file. The set-up asks this as well: what it
 * would not give back exactly is written into the record.
 */
export function tearDownFile(path: string, text: string): string | null {
  switch (path) {
    case 'nx.json':
      return tearDownNxJson(text);
    case 'package.json':
      return tearDownPackageJson(text);
    case CI_FILE:
      return tearDownCiFile(text);
    case GITLAB_FILE:
      return null;
    default:
      return text;
  }
}
