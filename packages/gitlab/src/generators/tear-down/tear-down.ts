import { GITLAB_FILE } from '../../pipeline/options';
import { CI_FILE, tearDownCiFile } from '../ci/ci-file';
import { tearDownNxJson } from '../nx/nx-json';
import { tearDownPackageJson } from '../nx/package-json';

/**
 * What can be removed from a file without further information; null deletes the file. The setup calls this as well:
 * edits that it would not undo exactly are written to the record.
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
