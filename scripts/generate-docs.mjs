#!/usr/bin/env node
// node scripts/generate-docs.mjs [--check]: fills the tables of docs/cli.md from the option schemas and from the table
// of EasyNLP's flags. The text around the tables is written by hand. Needs a build (npm run build).
// With --check it writes nothing and fails when a table is not what the schemas say.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
export const page = join(root, 'docs', 'cli.md');

const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const row = (...cells) => `| ${cells.join(' | ')} |`;

/** The flags of a command, one table a group. */
function commandTables(command, { config, flags }) {
  const lines = [];
  let group;
  for (const spec of flags.schemaToFlags(config.buildSchema(command))) {
    if (spec.key === 'app') continue; // the argument behind the command
    if (spec.group !== group) {
      group = spec.group;
      lines.push(
        '',
        `**${group}**`,
        '',
        row('flag', 'key in a file', 'meaning', "EasyNLP's name"),
        '|---|---|---|---|',
      );
    }
    const off = spec.field.kind === 'boolean' && spec.field.default === true;
    const flag = off ? `--no-${spec.flag.slice(2)}` : spec.flag;
    const argument = spec.argument === '' ? '' : ` ${spec.argument}`;
    const key = off ? `\`${spec.key}: false\`` : `\`${spec.key}\``;
    const description = off ? `not: ${spec.field.meta.description}` : spec.description;
    lines.push(
      row(
        `\`${flag}${argument.replaceAll('|', '\\|')}\``,
        key,
        escaped(description),
        easynlpName(spec.field.meta.easynlp),
      ),
    );
  }
  return lines.slice(1);
}

const easynlpName = (name) => (name === undefined ? '' : name.replace(/^\S+/, (word) => `\`${word}\``));

/** EasyNLP's own flags and what becomes of each. */
function easynlpTable({ table }) {
  return [
    row('flag', 'default', 'modes', 'meaning', 'here'),
    '|---|---|---|---|---|',
    ...table.EASYNLP_FLAGS.map((flag) =>
      row(
        flag.names.map((name) => `\`--${name}\``).join(', '),
        flag.default === undefined ? '' : escaped(String(flag.default)),
        flag.modes === undefined || flag.modes.length === 3 ? 'all' : flag.modes.join(', '),
        escaped(flag.choices ? `${flag.help}: ${flag.choices.join(', ')}` : flag.help),
        flag.refused !== undefined
          ? `refused: ${escaped(flag.refused)}`
          : flag.noEffect !== undefined
            ? `no effect: ${escaped(flag.noEffect)}`
            : 'works',
      ),
    ),
  ];
}

/** The page with its tables as the modules say; a marker is `<!-- table:NAME -->` … `<!-- /table -->`. */
export function fillCliDocs(markdown, modules) {
  return markdown.replaceAll(
    /(<!-- table:([\w-]+) -->\n)[\s\S]*?(<!-- \/table -->)/g,
    (_, open, name, close) => {
      const lines = name === 'easynlp' ? easynlpTable(modules) : commandTables(name, modules);
      return `${open}\n${lines.join('\n')}\n\n${close}`;
    },
  );
}

async function main(args) {
  const load = (path) => import(pathToFileURL(join(root, 'packages/easynlp/dist', path)).href);
  const modules = {
    config: await load('config/index.js'),
    flags: await load('cli/schema-to-flags.js'),
    table: await load('cli/easynlp-flag-table.js'),
  };
  const before = readFileSync(page, 'utf8');
  const text = fillCliDocs(before, modules);
  if (!args.includes('--check')) {
    writeFileSync(page, text);
    console.log('docs/cli.md written');
  } else if (before !== text) {
    console.error('docs/cli.md is not what the schemas say: node scripts/generate-docs.mjs');
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
