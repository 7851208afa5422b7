export { registryAccessOf } from './access';
export { GitlabPackagesRendezvous } from './gitlab-packages-rendezvous';
export { PackageRegistry } from './registry';
