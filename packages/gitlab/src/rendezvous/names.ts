import type { RendezvousReport } from '@org/dte-protocol';
import { generationKey, reporterKey } from '@org/dte-client';

/** The name of all our packages in a project. */
export const PACKAGE_NAME = 'dte-rendezvous';

/**
 * One version per pipeline, so that everything of it can be deleted at once. Numbers with two dots, which all versions
 * of GitLab accept; sessions that are not named after a pipeline share one.
 */
export function versionOf(sessionId: string): string {
  const pipeline = /^\d+-(\d+)(?:-|$)/.exec(sessionId)?.[1];
  return `0.0.${pipeline ?? '0'}`;
}

export const recordFile = (sessionId: string): string => `${sessionId}.json`;

const reportPrefix = (sessionId: string, generation: string): string =>
  `${sessionId}.report.${generationKey(generation)}.`;

export const reportFile = (sessionId: string, generation: string, report: RendezvousReport): string =>
  `${reportPrefix(sessionId, generation)}${reporterKey(report)}.json`;

export const isReportFile = (name: string, sessionId: string, generation: string): boolean =>
  name.startsWith(reportPrefix(sessionId, generation));
