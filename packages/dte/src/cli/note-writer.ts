import type { NoteWriter, PipelineNote } from '@org/dte-coordinator';
import { keepNote, mergeRequestOf } from '@org/dte-gitlab';
import { DteError } from '@org/dte-protocol';
import type { CliContext } from './context';
import { SAID } from './last-reports';
import { secretIn } from './secret-file';

const WHERE = 'option noteTokenFile, DTE_NOTE_TOKEN_FILE';

/** Characters of a commit's id that people read. */
const SHORT_SHA = 8;

/**
 * Writes notes for a service; null if it has no token for that.
 * @param issuer the GitLab instance; empty: none
 * @throws DteError DTE_BAD_CONFIG
 */
export function noteWriterOf({ resolved, surroundings }: CliContext, issuer: string): NoteWriter | null {
  const { config, limits } = resolved;
  const { noteTokenFile: file } = config;
  if (file === undefined || config.note === 'off') return null;
  if (issuer === '')
    throw new DteError(
      'DTE_BAD_CONFIG',
      `Without issuers of id tokens, nobody knows for certain of which pipeline a session is, so no notes can be written (${WHERE}; option issuers, DTE_ISSUERS).`,
    );
  const base = issuer.replace(/\/+$/, '');
  // Whoever starts the service is to learn of a wrong file, and not only the log of the first pipeline.
  secretIn(file, WHERE);
  const access = () => ({
    apiUrl: `${base}/api/v4`,
    token: secretIn(file, WHERE),
    ca: surroundings.authorities,
  });
  return {
    issuer: base,
    write: async (note) => {
      const untilMs = Date.now() + limits.noteMs;
      const { projectId, pipelineId, name, hasCommands, isGreen } = note;
      const gitlab = { ...access(), projectId };
      const askMs = Math.min(limits.gitlabAnswerMs, limits.noteMs);
      const found = await mergeRequestOf({ ...gitlab, pipelineId }, { ...limits, gitlabAnswerMs: askMs });
      if (found === null) return null;
      const { mergeRequest } = found;
      const creates = hasCommands && (config.note === 'always' || !isGreen);
      const text = withPlace(note, found);
      const left = { ...limits, noteMs: untilMs - Date.now() };
      const kept = await keepNote({ ...gitlab, mergeRequest }, { name, pipelineId, text, creates }, left);
      return kept === 'none' ? null : `note in merge request !${mergeRequest}: ${SAID[kept]}`;
    },
  };
}

/** What GitLab says about the pipeline, at the end. */
function withPlace(
  { pipelineId, text }: PipelineNote,
  { commit, url }: { readonly commit: string; readonly url: string | null },
): string {
  const pipeline = url === null ? `Pipeline ${pipelineId}` : `[Pipeline ${pipelineId}](${encodeURI(url)})`;
  return `${text}\n\n${pipeline} · ${commit.slice(0, SHORT_SHA)}`;
}
