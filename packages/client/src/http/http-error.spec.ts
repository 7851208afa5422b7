import { errorOfAnswer } from './http-error';

describe('an error answer', () => {
  it('has the first line of its body as the message, which a terminal can be given', () => {
    const body = 'in\u001b[2J the \u009b2J way \u202eof\r\nthe second line';
    const error = errorOfAnswer('GET /v1/cache/1', 500, undefined, body);
    expect(error.message).toBe('in [2J the  2J way  of');
  });

  it('is bounded, and says its status if there is nothing to show', () => {
    expect(errorOfAnswer('GET /x', 500, undefined, 'y'.repeat(100_000)).message).toHaveLength(4_096);
    expect(errorOfAnswer('GET /x', 500, undefined, '\u0000\u001b').message).toBe(
      'GET /x returned status 500.',
    );
  });
});
