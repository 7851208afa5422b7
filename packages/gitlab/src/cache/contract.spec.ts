import { sharedCacheContract } from '@org/dte-testing';
import { TestProject } from './test-support/project';

// Another process is the main job of a later pipeline.
sharedCacheContract('job artifacts', async () => {
  const project = await TestProject.start();
  const job = project.job();
  return {
    store: job.store,
    async reopen() {
      await project.end(job);
      return project.job().store;
    },
    cleanUp: () => project.close(),
  };
});
