import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { foldEvents, ModelFold } from '../model/fold';
import { agent, planned, Story } from '../test-support/events';
import { boundedModel } from './bounded';
import { unpack } from './columns';
import { visible, webLink } from '../text/html';
import { livePage, livePagePolicy } from './live-page';
import { staticPage } from './static-page';

const HOSTILE = '</script><script>window.hit=1</script><img src=x onerror="window.hit=1">\u202e\u2028';

const modelWith = (output: string, id = 'shop:test') =>
  foldEvents(
    new Story()
      .agents(0, agent('one'))
      .run(0, [planned(id), planned('shop:build')])
      .attempt(id, 'one', [1, 5], { status: 'failure', output })
      .attempt('shop:build', 'one', [2, 4])
      .over(6, false).events,
  );

const dataOf = (html: string): unknown => {
  const [, text = ''] = /id="dte-data">([^<]*)</.exec(html) ?? [];
  return unpack(JSON.parse(gunzipSync(Buffer.from(text, 'base64')).toString()));
};

/** A failed assertion about the whole page would print its bundle. */
const withoutScript = (html: string): string =>
  html.replace(/<script>[^]*?<\/script>|<style>[^]*?<\/style>/g, '');

describe('the page of a report', () => {
  it('carries the model, and says without a script what failed', () => {
    const model = modelWith('\u001B[31mexpected 1\u001B[39m\n');
    const html = withoutScript(staticPage(model));
    expect(dataOf(html)).toEqual(boundedModel(model));
    expect(html).toContain('<h1>1 of 2 tasks failed</h1>');
    expect(html).toContain('<pre class="output" tabindex="0">expected 1</pre>');
  });

  it('allows its own script and style, by their hashes, and nothing else', () => {
    const html = staticPage(modelWith(''));
    const hashOf = (text = '') => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    const [, style] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
    const [, script] = /<script>([^]*?)<\/script>/.exec(html) ?? [];
    expect(withoutScript(html)).toContain(
      `content="default-src 'none'; script-src ${hashOf(script)}; style-src ${hashOf(style)}; img-src data:; base-uri 'none'; form-action 'none'"`,
    );
    expect(/\sstyle=|\son\w+="/.test(withoutScript(html))).toBe(false);
  });

  it('has no element that a name or an output could have made', () => {
    const html = withoutScript(staticPage(modelWith(HOSTILE, `shop:${HOSTILE}`)));
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toContain('<img');
    expect(html).toContain('&lt;img src=x onerror=&quot;window.hit=1&quot;&gt;\\u202e\\u2028');
    const live = withoutScript(livePage({ modelUrl: HOSTILE, eventsUrl: '', outputUrl: '' }));
    expect(live.match(/<script/g)).toHaveLength(1);
    expect(live).toContain(`content="${livePagePolicy()}"`);
    expect(livePagePolicy()).toContain("connect-src 'self'");
  });

  it('is bounded, however much was written', () => {
    const line = 'x'.repeat(1_000_000);
    const [run] = boundedModel(modelWith(`first\n${'line\n'.repeat(1_000)}last`)).runs;
    expect(run?.tasks[0]?.output?.split('\n')).toHaveLength(200);
    expect(boundedModel(modelWith(line)).runs[0]?.tasks[0]?.output).toHaveLength(65_536);
    expect(staticPage(modelWith(line)).length).toBeLessThan(500_000);
  });

  it('keeps the output of the first failures when there is too much', () => {
    const ids = Array.from({ length: 60 }, (_, index) => `lib-${index}:test`);
    const story = new Story().agents(0, agent('one')).run(
      0,
      ids.map((id) => planned(id)),
    );
    for (const id of ids)
      story.attempt(id, 'one', [1, 2], { status: 'failure', output: 'y'.repeat(100_000) });
    const outputs = boundedModel(foldEvents(story.events)).runs[0]?.tasks.map(({ output }) => output?.length);
    expect(outputs?.reduce((sum = 0, length = 0) => sum + length)).toBe(2_097_152);
    expect(outputs?.slice(0, 32)).toEqual(Array.from({ length: 32 }, () => 65_536));
    expect(outputs?.at(-1)).toBe(0);
  });

  it('offers only links of the web', () => {
    expect(webLink('https://gitlab.example.com/a')).toBe('https://gitlab.example.com/a');
    for (const url of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'no url', null])
      expect(webLink(url)).toBeNull();
    expect(visible('a\u202eb\tc\n\u0000')).toBe('a\\u202eb\tc\n\\u0000');
  });
});

describe('a fold that goes on', () => {
  it('makes of a model and the rest of the events what it makes of all events', () => {
    const { events } = new Story()
      .agents(0, agent('one'))
      .run(0, [planned('a:build'), planned('b:build', ['a:build'])])
      .attempt('a:build', 'one', [1, 2])
      .agents(2, agent('one'), agent('two'))
      .attempt('b:build', 'two', [3, 4], { status: 'failure', output: 'no' })
      .over(5, false);
    for (let cut = 0; cut <= events.length; cut++) {
      const model: unknown = JSON.parse(JSON.stringify(foldEvents(events.slice(0, cut))));
      const fold = ModelFold.resume(model as ReturnType<typeof foldEvents>);
      for (const event of events.slice(cut)) fold.apply(event);
      expect(fold.model).toEqual(foldEvents(events));
    }
  });
});
