export { sharedCacheContract, type SharedCacheUnderTest } from './shared-cache.contract';
