import { describe, expect, test } from '@jest/globals';
import { pathFilter } from './path-filter.ts';

describe('which files a glob means', () => {
  test.each([
    ['kb_populated_*.json', '/srv/bmc/kb_populated_0001.json', true],
    ['kb_populated_*.json', '/srv/bmc/data/kb_populated_1.json', true],
    ['kb_populated_*.json', '/srv/bmc/precios.json', false],
    ['.env', '/srv/bmc/.env', true],
    ['data', '/srv/bmc/data/2025/a.json', true],
    ['data/', '/srv/bmc/data/2025/a.json', true],
    ['data/*.json', '/srv/bmc/data/a.json', true],
    ['data/*.json', '/srv/bmc/other/a.json', false],
    ['/srv/bmc/a.json', '/srv/bmc/a.json', true],
    ['/srv/bmc', '/srv/bmc/x/y', true],
    ['/srv/*/a.json', '/srv/bmc/a.json', true],
    ['/bmc/a.json', '/srv/bmc/a.json', false],
  ])('%s means %s: %s', (glob, path, expected) => {
    expect(pathFilter([glob])(path)).toBe(expected);
  });
});
