import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ancestorsOf, isWithin, keyToPath, pathToKey } from '../paths.ts';
import { ChangePlan } from './change-plan.ts';
import { targetsOf } from './targets.ts';

const name = fc.constantFrom('a', 'b', 'a b', 'ñ', 'left out');
const pathOf = (names: readonly string[]) => `/${names.join('/')}`;
const path = fc.array(name, { maxLength: 5 }).map(pathOf);
const keysOf = (targets: Iterable<{ key: string }>) => [...targets].map(({ key }) => key).sort();

/** What it must say, by its definition. */
function expectedOf(roots: readonly string[], work: { changes: readonly string[]; missing: Set<string> }) {
  const root_keys = targetsOf(roots).map(({ key }) => key);
  const isOurs = (key: string) => root_keys.some((root) => isWithin(key, root));
  const wanted = work.changes.map(pathToKey).flatMap((key) => {
    if (!isOurs(key)) return root_keys.filter((root) => isWithin(root, key));
    const between = [...ancestorsOf(key)].filter((above) => isOurs(above) && !root_keys.includes(above));
    return between.every((above) => !above.endsWith('left out')) ? [key] : [];
  });
  const targets = targetsOf(wanted.map(keyToPath));
  const aboveOf = (key: string) => [...ancestorsOf(key), ...(key === '' ? [] : [''])].filter(isOurs);
  const above = new Set(targets.flatMap(({ key }) => aboveOf(key)));
  const missing = [...above].filter((key) => work.missing.has(key));
  return {
    targets: keysOf(targetsOf([...targets.map(({ path: at }) => at), ...missing.map(keyToPath)])),
    above: [...above].sort(),
  };
}

describe('the plan of named changes', () => {
  test('holds the outermost of what changed, or what is missing above it, and the folders above', async () => {
    const property = fc.asyncProperty(
      fc.array(path, { minLength: 1, maxLength: 3 }),
      fc.array(path, { maxLength: 12 }),
      fc.array(path, { maxLength: 3 }),
      async (roots, changes, gone) => {
        const missing = new Set(gone.map(pathToKey));
        const select = (at: string) => !at.endsWith('left out');
        const plan = await ChangePlan.of({ changes, select }, targetsOf(roots));
        const targets = [...plan.targets(({ key }) => missing.has(key))];
        for (const { path: at, key } of targets) expect(keyToPath(key)).toBe(at);
        const expected = expectedOf(roots, { changes, missing });
        expect(keysOf(targets)).toEqual(expected.targets);
        expect(keysOf(plan.foldersAbove())).toEqual(expected.above);
      },
    );
    await fc.assert(property, { numRuns: 500 });
  });

  test('asks once of each folder, however many names in it changed', async () => {
    const asked: string[] = [];
    const select = (at: string) => {
      asked.push(at);
      return true;
    };
    const changes = Array.from({ length: 1_000 }, (_, n) => `/srv/data/${n % 5}/${n}`);
    const plan = await ChangePlan.of({ changes, select }, targetsOf(['/srv']));
    const looked: string[] = [];
    const targets = [...plan.targets(({ path: at }) => !looked.push(at))];
    expect(targets).toHaveLength(1_000);
    expect(asked.sort()).toEqual(['/srv/data', ...[0, 1, 2, 3, 4].map((n) => `/srv/data/${n}`)]);
    expect(looked).toHaveLength(5 * 3);
  });
});
