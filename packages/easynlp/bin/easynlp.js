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
  const loaded = await import(program.href).catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`error: a package that easynlp needs is missing (${error.message}). Run "npm install".`);
  });
  process.exitCode = loaded ? await loaded.main(process.argv.slice(2)) : 1;
}
