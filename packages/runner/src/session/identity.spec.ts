import { neighbourUrl } from './identity';

const OWN = 'https://gitlab.example.com/g/p/-/jobs/17';

it('accepts the address of a log of a job of the same project', () => {
  expect(neighbourUrl('https://gitlab.example.com/g/p/-/jobs/18', OWN)).toBe(
    'https://gitlab.example.com/g/p/-/jobs/18',
  );
});

it.each([
  ['of another host', 'https://evil.example/g/p/-/jobs/18'],
  ['of another project', 'https://gitlab.example.com/g/q/-/jobs/18'],
  ['with words behind the number', 'https://gitlab.example.com/g/p/-/jobs/18 buy gold'],
  ['with a path behind the number', 'https://gitlab.example.com/g/p/-/jobs/18/../../evil'],
  ['without a number', 'https://gitlab.example.com/g/p/-/jobs/'],
  ['with a terminal sequence', 'https://gitlab.example.com/g/p/-/jobs/1\u001b[2J'],
])('rejects an address %s', (_, claimed) => {
  expect(neighbourUrl(claimed, OWN)).toBeNull();
});

it('accepts none if the main job has no address itself', () => {
  expect(neighbourUrl(OWN, null)).toBeNull();
  expect(neighbourUrl(null, OWN)).toBeNull();
});
