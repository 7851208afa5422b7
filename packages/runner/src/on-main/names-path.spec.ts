import { namesPath } from './names-path';

const PATH = 'dist/apps/web';

it.each([
  'cp -r dist/apps/web /srv',
  'cp -r ./dist/apps/web/* /srv',
  'node push.js --dir=dist/apps/web/index.html',
  '{"cwd":"dist/apps/web"}',
  '{"cwd":"{workspaceRoot}/dist/apps"}',
  'rsync -a dist/ host:',
  'tar cf x.tar dist',
])('finds the path in a command: %s', (text) => {
  expect(namesPath(text, PATH)).toBe(true);
});

it.each([
  'node push.js',
  'cp -r dist/apps/web-admin /srv',
  'cp -r dist/apps/api /srv',
  'cp mydist/apps/web /srv',
  'node dist.js',
  'node push.js {workspaceRoot}/dist/{options.name}',
  'node tools/dist-apps.js',
])('does not find the path in a command: %s', (text) => {
  expect(namesPath(text, PATH)).toBe(false);
});
