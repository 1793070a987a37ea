/** Three tiers in the data folder, of which each takes everything. */
export const TIERS = { hot: { retention_days: 7 }, warm: { retention_days: 30 }, cold: {} };
