import type { Command } from 'commander';
import { EasyNlpError, EXIT } from '../errors/index.js';
import type { ModelFolderInfo, ModelInfo } from '../modelzoo/model-catalogue.js';
import { nearest } from '../util/index.js';
import { table } from '../util/table.js';
import type { CliIo } from './io.js';

/** Adds `easynlp models list` and `easynlp models show`; `settle` is applied to every command made here. */
export function addModelsCommand(
  program: Command,
  io: CliIo,
  settle: (command: Command) => Command,
  done: (exitCode: number) => void,
): void {
  const models: Command = settle(program.command('models'))
    .description('the pre-trained models that have a name here')
    .usage('list | show <name> [options]')
    .argument('[command]', 'list or show')
    .action((name?: string) => {
      if (name === undefined) return void models.outputHelp();
      throw new EasyNlpError('CLI_UNKNOWN_COMMAND', {
        command: `models ${name}`,
        suggestion: nearest(name, ['list', 'show']) ?? undefined,
        commands: 'list, show',
      });
    });
  settle(models.command('list'))
    .description("the names of EasyNLP's model zoo, and what they are called on the hub")
    .option('--json', 'print as JSON')
    .option('--supported', 'only models that this toolkit can load')
    .action(async (options: { json?: boolean; supported?: boolean }) => {
      const all = (await io.library()).listModels();
      const list = options.supported ? all.filter((m) => m.supported && m.unpublished === null) : all;
      io.stdout.write(options.json === true ? `${JSON.stringify(list, null, 2)}\n` : renderList(list));
      done(EXIT.ok);
    });
  settle(models.command('show'))
    .description('what is known of a model, given by name or as a folder')
    .argument('<name>', 'name, or folder')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { json?: boolean }) => {
      const info = await (await io.library()).describeModel(name);
      io.stdout.write(options.json === true ? `${JSON.stringify(info, null, 2)}\n` : renderModel(info));
      done(EXIT.ok);
    });
}

function placeOf({ bundled, unpublished, huggingface, verified }: ModelInfo): string {
  if (bundled) return 'comes with the toolkit';
  if (unpublished !== null) return 'not published';
  return `${huggingface}${verified ? '' : ' (not verified)'}`;
}

function renderList(list: readonly ModelInfo[]): string {
  const rows = list.map((m) => [
    m.name,
    `${m.architecture ?? '?'}${m.supported ? '' : ' (not supported)'}`,
    m.size ?? '',
    placeOf(m),
  ]);
  return `${table([['name', 'architecture', 'size', 'where'], ...rows], {
    header: true,
    align: ['left', 'left', 'left', 'left'],
  })}\n`;
}

function renderModel(info: ModelInfo | ModelFolderInfo): string {
  const rows: [string, string][] = [['name', info.name]];
  const kind = info.title === null ? info.architecture : `${info.title} (${info.architecture})`;
  rows.push([
    'architecture',
    `${kind ?? 'unknown'}${info.supported ? '' : ', which this toolkit does not have'}`,
  ]);
  if (info.size !== null) rows.push(['size', info.size]);
  if ('parameters' in info && info.parameters !== null) {
    rows.push(['parameters', info.parameters.toLocaleString('en-US')]);
  }
  if (info.origin !== null) rows.push(['origin', info.origin]);
  rows.push(['licence', info.licence ?? "not known here; see the model's page"]);
  if ('folder' in info) rows.push(['folder', info.folder]);
  else if (info.unpublished !== null) rows.push(['published', `no: ${info.unpublished}`]);
  else {
    const unsure = info.verified ? '' : ' (not verified)';
    rows.push(
      ['Hugging Face', `${info.huggingface}${unsure}`],
      ['ModelScope', `${info.modelscope} (not verified)`],
    );
  }
  if (info.instead !== null) rows.push(['use instead', info.instead]);
  return `${table(rows, { align: ['left', 'left'] })}\n`;
}
