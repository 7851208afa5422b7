import { GITLAB_FILE } from '../../pipeline/options';
import { tearDownCiFile } from '../ci/ci-file';
import { tearDownNxJson } from '../nx/nx-json';
import { tearDownPackageJson } from '../nx/package-json';
import { type Repository } from '../workspace/repository';

/**
 * What can be removed from a file without further information; null deletes the file. The setup calls this as well:
 * edits that it would not undo exactly are written to the record.
 */
export function tearDownFile({ ciFile, ours }: Repository, path: string, text: string): string | null {
  switch (path) {
    case 'nx.json':
      return tearDownNxJson(text);
    case 'package.json':
      return tearDownPackageJson(text);
    case ciFile:
      return tearDownCiFile(text, ours);
    case GITLAB_FILE:
      return null;
    default:
      return text;
  }
}
