import type { Access } from './access';
import { type Answer, type Call, NOT_FOUND, page, PROJECT_NOT_FOUND, refusal } from './answer';
import type { FakeProject } from './projects';

/** A note of a merge request, as the API returns it. */
export interface FakeNote {
  readonly id: number;
  readonly projectId: number;
  readonly mergeRequest: number;
  readonly author: number;
  readonly body: string;
}

/** GitLab's limit of a note, in characters. */
const MOST_CHARS = 1_000_000;
const NOTES = /^\/api\/v4\/projects\/([^/]+)\/merge_requests\/(\d+)\/notes(?:\/(\d+))?$/;

/** The notes of merge requests: a job's token may read them, and only a real token may write. */
export class NotesApi {
  private readonly notes: FakeNote[] = [];
  private lastId = 0;

  constructor(
    private readonly access: Access,
    private readonly projectOf: (id: string) => FakeProject | undefined,
  ) {}

  add(note: Omit<FakeNote, 'id'>): void {
    this.notes.push({ ...note, id: (this.lastId += 1) });
  }

  all(): readonly FakeNote[] {
    return this.notes;
  }

  /** Null: not a path of this API. */
  answer(call: Call): Answer | null {
    if (call.path === '/api/v4/user') return this.access.currentUser(call);
    const [, project, mergeRequest, id] = NOTES.exec(call.path) ?? [];
    if (project === undefined) return null;
    if (this.projectOf(project) === undefined) return PROJECT_NOT_FOUND;
    const jobTokens = call.method === 'GET';
    const refused = this.access.refuse(call, { project, role: 'reporter', jobTokens });
    if (refused !== null) return refused;
    const found = this.notes.filter(
      (note) => String(note.projectId) === project && String(note.mergeRequest) === mergeRequest,
    );
    if (call.method === 'GET') return page(sorted(found, call.query).map(shown), call.query);
    const { body } = JSON.parse(call.body.toString('utf8')) as { body?: string };
    if (body === undefined || body === '') return refusal(400, '400 Bad request - Note cannot be blank');
    if (body.length > MOST_CHARS)
      return refusal(400, '400 Bad request - Note is too long (maximum is 1000000 characters)');
    const author = this.access.userOf(call);
    if (call.method === 'POST' && id === undefined) {
      this.add({ projectId: Number(project), mergeRequest: Number(mergeRequest), author, body });
      return { status: 201, body: shown(this.notes.at(-1)!) };
    }
    const at = this.notes.findIndex((note) => String(note.id) === id);
    const note = this.notes[at];
    if (call.method !== 'PUT' || note === undefined) return NOT_FOUND;
    if (note.author !== author) return refusal(403, '403 Forbidden');
    this.notes[at] = { ...note, body };
    return { status: 200, body: shown(this.notes[at]) };
  }
}

/** As GitLab: by default the newest first. */
const sorted = (notes: readonly FakeNote[], query: URLSearchParams): FakeNote[] =>
  notes.toSorted((a, b) => (query.get('sort') === 'asc' ? a.id - b.id : b.id - a.id));

const shown = ({ id, author, body }: FakeNote): object => ({
  id,
  body,
  author: { id: author },
  system: false,
});
