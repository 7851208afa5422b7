import { DteError } from '@org/dte-protocol';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lazySdk, missingSdk } from './sdk';

describe('the AWS SDK of a workspace', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dte-sdk-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const places = (): string[] => [join(folder, 'package.json')];

  it('is found next to us if the workspace has none', () => {
    expect(missingSdk(folder)).toBeNull();
  });

  it('is refused with the command that installs it', () => {
    expect(() => lazySdk(folder, places())).toThrow(
      `${folder}: @aws-sdk/client-s3, @aws-sdk/lib-storage, @aws-sdk/s3-request-presigner. Run: npm install --save-dev @aws-sdk/client-s3@3 @aws-sdk/lib-storage@3 @aws-sdk/s3-request-presigner@3`,
    );
    expect(() => lazySdk(folder, places())).toThrow(DteError);
  });

  it.each([
    ['pnpm-lock.yaml', /^pnpm add --save-dev --workspace-root @aws-sdk\/client-s3@3 /],
    ['yarn.lock', /^yarn add --dev @aws-sdk\/client-s3@3 /],
  ])('is installed with the package manager of %s', (lock, command) => {
    writeFileSync(join(folder, lock), '');
    expect(missingSdk(folder, places())?.install).toMatch(command);
  });
});
