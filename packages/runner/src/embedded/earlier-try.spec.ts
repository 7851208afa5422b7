import { join } from 'node:path';
import { folderOfTry, isEarlierTry, jobMarkOf } from './earlier-try';

const NX = { jobId: '9001', jobName: 'nx' };

describe('isEarlierTry', () => {
  it.each([
    ['a job tried again', NX, { jobId: '9002', jobName: 'nx' }, true],
    ['the same job', NX, NX, false],
    ['another main job of the pipeline', NX, { jobId: '9002', jobName: 'nx-windows' }, false],
    ['a record that says no job', {}, NX, false],
    ['a machine without CI', NX, {}, false],
    ['CI that gives no names', { jobId: '1' }, { jobId: '2' }, false],
  ])('%s', (_, record, own, expected) => expect(isEarlierTry(record, own)).toBe(expected));
});

describe('jobMarkOf', () => {
  it('takes id and name from CI, and nothing where there is none', () => {
    expect(jobMarkOf({ id: '9001', name: 'nx' })).toEqual(NX);
    expect(jobMarkOf(null)).toEqual({});
  });
});

describe('folderOfTry', () => {
  it('is one for each try and session, and does not name a job that CI does not name or that cannot be in a path', () => {
    const folders = [folderOfTry(NX, 's'), folderOfTry({}, 's-linux'), folderOfTry({ jobId: '../x' }, 's')];
    expect(folders).toEqual([join('job-9001', 'session-s'), 'session-s-linux', 'session-s']);
  });
});
