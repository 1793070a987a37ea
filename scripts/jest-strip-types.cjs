'use strict';
const { createHash } = require('node:crypto');
const { stripTypeScriptTypes } = require('node:module');

/** Jest transform: drop the types and nothing else, so that lines and columns stay where they were. */
module.exports = {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
  getCacheKey: (source) => createHash('sha256').update(process.version).update(source).digest('hex'),
};
