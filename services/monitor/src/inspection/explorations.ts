import { outermost } from '../adapters/territory.ts';

export interface ExplorationsParts {
  /** Looks at all that the folders hold; none lies below another. */
  explore(folders: readonly string[]): Promise<void>;
  fail(error: unknown): void;
}

/** Reads new folders, one after the other; those that came meanwhile are read together. */
export class Explorations {
  readonly #parts: ExplorationsParts;
  #queued: string[] = [];
  #running = false;
  /** Counts the folders that were asked for, and those of them that were read. */
  begun = 0;
  done = 0;

  constructor(parts: ExplorationsParts) {
    this.#parts = parts;
  }

  begin(folder: string): void {
    this.begun += 1;
    this.#queued.push(folder);
    if (!this.#running) this.#run().catch((error) => this.#parts.fail(error));
  }

  async #run() {
    this.#running = true;
    while (this.#queued.length > 0) {
      const folders = this.#queued.splice(0);
      await this.#parts.explore(outermost(folders));
      this.done += folders.length;
    }
    this.#running = false;
  }
}
