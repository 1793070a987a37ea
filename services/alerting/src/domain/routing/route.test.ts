import { ChannelConfig } from '@holdfast/contracts/config';
import { describe, expect, test } from '@jest/globals';
import { channelsFor, fallbacksFor } from './route.ts';

const log = (min_severity?: string) =>
  ChannelConfig.parse({ type: 'log', ...(min_severity && { min_severity }) });
const critical = { rule: 'file_loss', severity: 'critical' as const };
const low = { rule: 'file_loss', severity: 'low' as const };
const route = (match: object, ...channels: string[]) => ({ match, channels });

describe('who hears of an alert', () => {
  test('the log, where nothing is configured', () => {
    expect(channelsFor({ channels: {}, routes: [] }, critical)).toEqual(['log']);
  });

  test('every channel, where there are no routes', () => {
    expect(channelsFor({ channels: { a: log(), b: log() }, routes: [] }, low)).toEqual(['a', 'b']);
  });

  test('the channels of all routes that match, each once', () => {
    const routes = [
      route({ severity: ['critical', 'high'] }, 'a', 'b'),
      route({ rule: ['file_loss'] }, 'b', 'c'),
      route({ rule: ['backup_failed'] }, 'd'),
    ];
    const config = { channels: { a: log(), b: log(), c: log(), d: log() }, routes };
    expect(channelsFor(config, critical)).toEqual(['a', 'b', 'c']);
    expect(channelsFor(config, low)).toEqual(['b', 'c']);
  });

  test('the log, where no route matches, the severity is below all, or the channel is not there', () => {
    const routes = [route({ severity: ['critical'] }, 'a', 'gone')];
    expect(channelsFor({ channels: { a: log() }, routes }, low)).toEqual(['log']);
    expect(channelsFor({ channels: { a: log('high') }, routes: [] }, low)).toEqual(['log']);
    expect(channelsFor({ channels: {}, routes }, critical)).toEqual(['log']);
  });

  test('after a failure the next ones of the route and the log', () => {
    const config = { channels: { a: log(), b: log('critical') }, routes: [route({}, 'a', 'b')] };
    expect(fallbacksFor(config, low, 'a')).toEqual(['b', 'log']);
    expect(fallbacksFor(config, low, 'b')).toEqual(['log']);
    expect(fallbacksFor(config, low, 'log')).toEqual([]);
  });
});
