import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as config from '../config/index.js';
import * as table from './easynlp-flag-table.js';
import { FakeIo } from './fake-io.fixture.js';
import { buildProgram, main } from './main.js';
import * as flags from './schema-to-flags.js';

const root = new URL('../../../../', import.meta.url);
const page = readFileSync(fileURLToPath(new URL('docs/cli.md', root)), 'utf8');
interface Generator {
  fillCliDocs(markdown: string, modules: Record<string, unknown>): string;
}
const generator = (await import(new URL('scripts/generate-docs.mjs', root).href)) as Generator;

describe('docs/cli.md', () => {
  it('has the tables that the schemas give (else: npm run build, then node scripts/generate-docs.mjs)', () => {
    expect(page).toBe(generator.fillCliDocs(page, { config, flags, table }));
    expect(page).not.toMatch(/undefined|\[object/);
  });

  it('names every flag of every command, and every flag of EasyNLP', async () => {
    const program = await buildProgram(new FakeIo());
    const common = page.split('## Flags of every command')[1]!.split('\n## ')[0]!;
    for (const command of program.commands) {
      if (!Object.hasOwn(config.COMMAND_SCHEMAS, command.name())) continue;
      const section = page.split(`## easynlp ${command.name()}`)[1]!.split('\n## easynlp ')[0]!;
      for (const { long, hidden } of command.options) {
        if (!hidden) expect(section + common, `${command.name()} ${long}`).toContain(`\`${long}`);
      }
    }
    for (const { names } of table.EASYNLP_FLAGS) {
      for (const name of names) expect(page).toContain(`\`--${name}\``);
    }
  });

  it('has commands that the command line accepts', async () => {
    const blocks = [...page.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, block]) => block!);
    const commands = blocks
      .flatMap((block) => block.replaceAll('\\\n', ' ').trim().split('\n'))
      .map((line) => line.replace(/ < \S+$/, ''));
    expect(commands.length).toBeGreaterThanOrEqual(9);
    for (const command of commands) {
      // A config file would have to exist; its flags are tried with the required ones instead.
      const words = command.replace('--config train.yaml', '--train a --output b --architecture bert');
      const argv = [...words.matchAll(/'([^']*)'|((?:[^\s']|'[^']*')+)/g)].map(([, quoted, plain]) =>
        (quoted ?? plain!).replaceAll("'", ''),
      );
      expect(argv.splice(0, 2)).toEqual(['npx', 'easynlp']);
      const io = new FakeIo();
      expect(await main(argv, io), `${command}\n${io.err}`).toBe(0);
    }
  });
});
