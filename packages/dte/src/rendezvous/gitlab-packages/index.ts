export { GitlabPackagesRendezvous } from './gitlab-packages-rendezvous';
export { PackageRegistry, registryAccessOf } from './registry';
