import type { Config } from '@org/dte-config';
import { ok, stop, type Finding } from './finding';

/** Can whoever runs the coordinator open the store of the option `cache`? No request is made. */
export async function cacheFindings(
  { cache, s3Bucket }: Pick<Config, 'cache' | 's3Bucket'>,
  workspaceRoot: string,
): Promise<Finding[]> {
  if (cache !== 's3') return [];
  const { missingSdk } = await import('@org/dte-cache');
  const missing = missingSdk(workspaceRoot);
  const findings = [
    ...(s3Bucket === undefined
      ? [
          stop(
            'results are to be shared in a bucket (option cache), but none is named, so no coordinator starts',
            'Set DTE_S3_BUCKET, or s3Bucket in nx.json.',
          ),
        ]
      : []),
    ...(missing === null ? [] : [stop(`no coordinator starts: ${missing.why}`, `Run: ${missing.install}`)]),
  ];
  return findings.length > 0 ? findings : [ok(`results are shared in the bucket ${s3Bucket ?? ''}`)];
}
