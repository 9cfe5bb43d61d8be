#!/usr/bin/env node
// Starts the command line of dist/; says what to do where that is impossible.
import { existsSync } from 'node:fs';

const major = Number(process.versions.node.split('.')[0]);
const program = new URL('../dist/cli/main.js', import.meta.url);

if (major < 20) {
  console.error(`error: easynlp needs Node 20 or later; this is ${process.version}. See https://nodejs.org`);
  process.exitCode = 1;
} else if (!existsSync(program)) {
  console.error('error: easynlp is not built yet. Run "npm run setup" in the project folder.');
  process.exitCode = 1;
} else {
  // `easynlp … | head` closes the pipe early; that is no failure.
  process.stdout.on('error', (error) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
}
