/** Works on all items, at most `lanes` at a time. Rejects with the first error, after what had begun has ended. */
export async function inLanes<Item>(
  items: readonly Item[],
  lanes: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const run = async () => {
    for (const item of queue) await work(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(lanes, items.length) }, run));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
