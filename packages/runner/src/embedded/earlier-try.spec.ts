import { join } from 'node:path';
import { folderOfTry, isEarlierTry, jobMarkOf } from './earlier-try';

const NX = { jobId: '9001', jobName: 'nx' };

describe('isEarlierTry', () => {
  it.each([
    ['a job tried again', NX, { jobId: '9002', jobName: 'nx' }, true],
    ['the same job', NX, NX, false],
    ['another main job of the pipeline', NX, { jobId: '9002', jobName: 'nx-windows' }, false],
    ['a record without a job', {}, NX, false],
    ['a machine without CI', NX, {}, false],
    ['CI that gives no names', { jobId: '1' }, { jobId: '2' }, false],
  ])('%s', (_, record, own, expected) => expect(isEarlierTry(record, own)).toBe(expected));
});

describe('jobMarkOf', () => {
  it('reads id and name from CI, and nothing outside of CI', () => {
    expect(jobMarkOf({ id: '9001', name: 'nx' })).toEqual(NX);
    expect(jobMarkOf(null)).toEqual({});
  });
});

describe('folderOfTry', () => {
  it('is separate for each try and session, and omits a job name that is missing or not valid in a path', () => {
    const folders = [folderOfTry(NX, 's'), folderOfTry({}, 's-linux'), folderOfTry({ jobId: '../x' }, 's')];
    expect(folders).toEqual([join('job-9001', 'session-s'), 'session-s-linux', 'session-s']);
  });
});
