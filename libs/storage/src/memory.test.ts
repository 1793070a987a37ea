import { describeBlobStore } from './conformance.ts';
import { createMemoryStore } from './memory.ts';

describeBlobStore('the memory store', async () => createMemoryStore());
