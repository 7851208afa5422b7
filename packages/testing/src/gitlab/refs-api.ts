import type { Access } from './access';
import { type Answer, type Call, page, PROJECT_NOT_FOUND } from './answer';
import type { FakeProject, FakeRef } from './projects';

const LIST = /^\/api\/v4\/projects\/([^/]+)\/repository\/(branches|tags)$/;
const DEFAULT_BRANCHES: readonly FakeRef[] = [{ name: 'main', protected: true }];

/** The lists of branches and tags, which job tokens may read. */
export class RefsApi {
  constructor(
    private readonly access: Access,
    private readonly projectOf: (id: string) => FakeProject | undefined,
  ) {}

  /** Null: not a path of this API. */
  answer(call: Call): Answer | null {
    const [, id, kind] = LIST.exec(call.path) ?? [];
    if (id === undefined) return null;
    const project = this.projectOf(id);
    if (project === undefined) return PROJECT_NOT_FOUND;
    const refused = this.access.refuse(call, { project: id, role: 'reporter', jobTokens: true });
    if (refused !== null) return refused;
    const refs = kind === 'tags' ? (project.tags ?? []) : (project.branches ?? DEFAULT_BRANCHES);
    return page(
      refs.filter(({ name }) => matches(name, call.query.get('search'))),
      call.query,
    );
  }
}

/** As GitLab: without regard to case; `^` and `$` stand for the start and the end. */
function matches(name: string, search: string | null): boolean {
  if (search === null) return true;
  const [, start, text = '', end] = /^(\^?)(.*?)(\$?)$/s.exec(search.toLowerCase()) ?? [];
  const lower = name.toLowerCase();
  if (start !== '' && end !== '') return lower === text;
  if (start !== '') return lower.startsWith(text);
  return end === '' ? lower.includes(text) : lower.endsWith(text);
}
