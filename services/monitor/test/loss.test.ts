import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Lab } from './lab.ts';

describe('what is a loss', () => {
  test('rm: told at once, with the checksum that is wanted back', async () => {
    await using lab = await Lab.start({ files: { 'a.json': '{"a":1}', 'b.txt': 'b' } });
    unlinkSync(lab.path('a.json'));
    const event = await lab.until('FileDeleted', 'a.json');
    expect(event.data).toMatchObject({ source: 'lab', size: 7, detected_by: 'watch' });
    expect(event.actor).toBe('unknown');
    expect(event.traceparent).toMatch(/^00-/);
  });
});
