import { createRendezvous, StaticRendezvous } from '.';

describe('createRendezvous', () => {
  it('is null when nothing names one', () => {
    expect(createRendezvous({}, '/w')).toBeNull();
  });

  it('prefers an address to a folder', () => {
    expect(createRendezvous({ coordinatorUrl: 'http://h:1', rendezvousDir: 'x' }, '/w')?.kind).toBe('static');
  });

  it('is a folder when only a folder is named', () => {
    expect(createRendezvous({ rendezvousDir: 'x' }, '/w')?.kind).toBe('file');
  });
});

describe('StaticRendezvous', () => {
  it('finds its address for every session, and ignores what is published, taken back or finished', async () => {
    const rendezvous = new StaticRendezvous('http://h:1');
    await rendezvous.publish();
    await rendezvous.withdraw();
    await rendezvous.finish();
    const found = await rendezvous.find('any');
    expect(found).toMatchObject({ sessionId: 'any', url: 'http://h:1' });
    expect(found.state).toBeUndefined();
  });
});
