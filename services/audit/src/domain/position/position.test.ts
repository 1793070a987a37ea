import { expect, test } from '@jest/globals';
import { advance } from './position.ts';

test('an event further on moves the position', () => {
  expect(advance({ epoch: 1, seq: 4 }, { seq: 9, known: false })).toEqual({
    at: { epoch: 1, seq: 9 },
    rewound: null,
  });
});

test('a redelivered event leaves it', () => {
  const at = { epoch: 1, seq: 4 };
  expect(advance(at, { seq: 3, known: true })).toEqual({ at, rewound: null });
});

test('a new event on an old sequence is a stream that was rewound', () => {
  expect(advance({ epoch: 1, seq: 2000 }, { seq: 1001, known: false })).toEqual({
    at: { epoch: 2, seq: 1001 },
    rewound: { expected_seq: 2001, actual_seq: 1001, epoch: 2 },
  });
});
