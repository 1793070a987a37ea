import { isHoldfastError } from '@holdfast/contracts/errors';
import type { Db } from 'mongodb';
import { isMongoError } from './connect.ts';
import type { CommandTaker } from './raw-write.ts';

/** Does all of the work or nothing; the work may be done again, as the server asks for it where others write too. */
export async function inTransaction(db: Db, work: (taker: CommandTaker) => Promise<void>): Promise<void> {
  await using session = db.client.startSession();
  const taker: CommandTaker = {
    // A concern is of the whole transaction, and refused in a part of it.
    command: ({ writeConcern: _, ...command }) => db.command(command, { session }),
  };
  const unwrapped = async () => {
    try {
      await work(taker);
    } catch (error) {
      // The driver sees by the server's own error whether it is worth another try.
      throw isHoldfastError(error) && isMongoError(error.cause) ? error.cause : error;
    }
  };
  await session.withTransaction(unwrapped, { writeConcern: { w: 'majority' } });
}
