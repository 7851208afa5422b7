import { accessTo, type CacheTrouble } from '@org/dte-cache';
import { Notices } from './notices';

const project = { issuer: 'https://gitlab.example.com', projectId: '42' };
const ours = { access: accessTo(project, 'trusted') };
const theirs = { access: accessTo({ ...project, projectId: '43' }, 'trusted') };
const elsewhere = { access: accessTo({ ...project, issuer: 'https://gitlab.other.example' }, 'trusted') };
const trouble = (kind: CacheTrouble['kind'], change: Partial<CacheTrouble> = {}): CacheTrouble => ({
  kind,
  line: `${kind} it is`,
  lasts: false,
  project: null,
  ...change,
});

let notices: Notices;
beforeEach(() => (notices = new Notices()));

it('one of a kind is told to each session once, however often it happens', () => {
  for (const session of ['a', 'b']) notices.listen(session);
  for (let times = 0; times < 3; times++) {
    notices.tell(trouble('full', { line: `full ${times}` }));
    notices.tell(trouble('damaged'));
  }
  expect(notices.newsFor('a', ours)).toEqual(['full 2', 'damaged it is']);
  notices.tell(trouble('full'));
  expect(notices.newsFor('a', ours)).toEqual([]);
  expect(notices.newsFor('b', ours)).toEqual(['damaged it is', 'full it is']);
  expect(notices.newsFor('nobody', ours)).toEqual([]);
});

it('what was over before a session began is not told to it; what goes on is', () => {
  notices.tell(trouble('full'));
  notices.tell(trouble('away', { lasts: true }));
  notices.listen('a');
  expect(notices.newsFor('a', ours)).toEqual(['away it is']);
  notices.over('away');
  notices.listen('b');
  expect(notices.newsFor('b', ours)).toEqual([]);
});

it('a session hears of trouble that has come and gone since its last request', () => {
  notices.listen('a');
  notices.tell(trouble('away', { lasts: true }));
  notices.over('away');
  expect(notices.newsFor('a', ours)).toEqual(['away it is']);
});

it('nobody hears of the results of another project', () => {
  for (const session of ['a', 'b']) notices.listen(session);
  notices.tell(trouble('damaged', { project }));
  expect(notices.newsFor('b', theirs)).toEqual([]);
  expect(notices.newsFor('b', elsewhere)).toEqual([]);
  expect(notices.newsFor('a', ours)).toEqual(['damaged it is']);
});

it('each note of a store is told', () => {
  notices.listen('a');
  for (const line of ['one', 'two', 'one']) notices.tell(trouble('note', { line }));
  expect(notices.newsFor('a', ours)).toEqual(['two', 'one']);
});

it('what is kept is bounded, and the newest stays', () => {
  notices.listen('a');
  for (let index = 0; index < 1_100; index++)
    notices.tell(trouble('damaged', { project: { ...project, projectId: String(index) } }));
  notices.tell(trouble('damaged', { project, line: 'the last' }));
  for (let index = 0; index < 10_000; index++) notices.listen(`other ${index}`);
  expect(notices.newsFor('a', ours)).toEqual([]);
  expect(notices.newsFor('other 9999', ours)).toEqual([]);
  notices.tell(trouble('full'));
  expect(notices.newsFor('other 9999', ours)).toEqual(['full it is']);
});
