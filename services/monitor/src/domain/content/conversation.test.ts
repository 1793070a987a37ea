import { describe, expect, test } from '@jest/globals';
import { ConversationCheck, candidatesOf } from './conversation.ts';
import { formatJsonPath } from './json-path.ts';

const at = (second: number) => new Date(Date.UTC(2025, 10, 28, 1, 0, second)).toISOString();
const message = (second: number, more: object = {}) => ({
  role: 'user',
  content: 'hola',
  timestamp: at(second),
  ...more,
});
const conversation = (more: object = {}) => ({
  session_id: 'ses_1',
  started_at: at(0),
  ended_at: at(9),
  messages: [message(1), message(2)],
  ...more,
});

function findingsOf(document: unknown): string[] {
  const check = new ConversationCheck();
  for (const { value, path } of candidatesOf(document)) check.take(value, path);
  check.end();
  return check.findings.map(({ detail, path }) => `${formatJsonPath(path)} ${detail}`);
}

describe('a good file of conversations', () => {
  test.each([
    ['one conversation', conversation()],
    ['a list of them', [conversation(), conversation({ session_id: 'ses_2' })]],
    ['a list below a key', { exported: at(0), conversations: [conversation()] }],
    [
      'Unix times, in seconds or milliseconds',
      conversation({ messages: [message(0, { timestamp: 1764291600 })] }),
    ],
    ['messages without times', conversation({ messages: [{ role: 'user', content: 'hola' }] })],
    ['other names for the same', conversation({ messages: [{ sender: 'bot', text: 'hola', date: at(1) }] })],
    ['a message that calls a tool', conversation({ messages: [message(1, { content: null })] })],
    ['content in parts', conversation({ messages: [message(1, { content: [{ type: 'text' }] })] })],
    [
      'the clocks of two machines',
      conversation({ messages: [message(1), message(0, { timestamp: at(0) })] }),
    ],
    ['no messages yet', conversation({ messages: [] })],
    ['no conversations at all: a price list', { version: '2025.11', productos: [{ codigo: 'a' }] }],
    ['only a summary of sessions', { sesiones: [{ session_id: 'a', messages: 12 }, { session_id: 'b' }] }],
    ['nothing', null],
  ])('%s', (_what, document) => {
    expect(findingsOf(document)).toEqual([]);
  });
});

describe('what is wrong is told with its place', () => {
  test.each([
    [conversation({ session_id: undefined }), '$ session_id is missing'],
    [conversation({ session_id: ' ' }), '$.session_id is not the id of a session'],
    [conversation({ messages: {} }), '$.messages is not a list'],
    [conversation({ messages: ['hola'] }), '$.messages[0] is not a message'],
    [conversation({ messages: [{ content: 'hola' }] }), '$.messages[0] role is missing'],
    [conversation({ messages: [message(1, { role: 7 })] }), '$.messages[0].role is not a role'],
    [conversation({ messages: [{ role: 'user' }] }), '$.messages[0] content is missing'],
    [
      conversation({ messages: [message(1, { content: 7 })] }),
      '$.messages[0].content is not the content of a message',
    ],
    [
      conversation({ messages: [message(1, { timestamp: 'mañana' })] }),
      '$.messages[0].timestamp is not a time',
    ],
    [conversation({ messages: [message(1, { timestamp: -1 })] }), '$.messages[0].timestamp is not a time'],
    [
      conversation({ messages: [message(1), { role: 'user', content: 'x' }] }),
      '$.messages[1] timestamp is missing',
    ],
    [
      conversation({ messages: [message(9), message(1)] }),
      '$.messages[1].timestamp lies before the message before it',
    ],
    [conversation({ started_at: 'x' }), '$.started_at is not a time'],
    [conversation({ ended_at: '2001-01-01T00:00:00Z' }), '$.ended_at lies before started_at'],
    [[conversation(), conversation()], '$[1].session_id is the id of another session in this file'],
    [
      { 'the list': [conversation(), { session_id: 'b', phone: '1' }] },
      '$["the list"][1] messages are missing',
    ],
  ])('%#: %j', (document, finding) => {
    expect(findingsOf(JSON.parse(JSON.stringify(document)))).toEqual([finding]);
  });

  test('all of it', () => {
    const messages = [message(5), message(1, { role: '' }), { role: 'user' }];
    expect(findingsOf({ messages }).length).toBe(5);
  });
});
