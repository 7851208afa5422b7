export { remove as default } from '@org/dte-gitlab/generators';
