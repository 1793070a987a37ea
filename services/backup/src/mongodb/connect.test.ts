import { expect, test } from '@jest/globals';
import { whyNoChangeLog } from './connect.ts';

test('only a replica set is backed up; a sharded cluster and a single server are refused by what they are', () => {
  expect(whyNoChangeLog({ setName: 'rs', isWritablePrimary: true })).toBeNull();
  expect(whyNoChangeLog({ msg: 'isdbgrid', isWritablePrimary: true })).toContain('sharded cluster');
  expect(whyNoChangeLog({ isWritablePrimary: true })).toContain('single server');
});
