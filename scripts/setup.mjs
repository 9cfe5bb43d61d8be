#!/usr/bin/env node
// npm run setup: installs what is missing (system packages included, saying so) and builds. A second run does nothing.
import { runMain } from './lib/process.mjs';
import { setup } from './lib/setup.mjs';

await runMain(async () => {
  await setup();
});
