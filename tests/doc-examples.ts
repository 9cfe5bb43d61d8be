import { format, inspect } from 'node:util';
import ts from 'typescript';

/** One ```ts block of a Markdown page. */
export interface Example {
  readonly page: string;
  /** Line of the page on which the block's first line stands. */
  readonly line: number;
  /** The heading that the block stands under. */
  readonly title: string;
  readonly code: string;
}

/** The ```ts blocks of a page; a block whose fence says `ts no-run` is left out. */
export function examplesOf(page: string, markdown: string): Example[] {
  const examples: Example[] = [];
  const lines = markdown.split('\n');
  let title = page;
  let start = -1;
  for (const [i, line] of lines.entries()) {
    if (start < 0) {
      if (/^#+ /.test(line)) title = line.replace(/^#+ /, '');
      if (/^```ts\s*$/.test(line)) start = i + 1;
    } else if (line === '```') {
      examples.push({ page, line: start + 1, title, code: lines.slice(start, i).join('\n') });
      start = -1;
    }
  }
  return examples;
}

/**
 * What the example says it prints: every `// → …` comment, behind a `console.log` or on the lines after it. Lines that
 * begin with `//   ` go on with the one before.
 */
export function expectedOutput(code: string): string[] {
  const out: string[] = [];
  let open = false;
  for (const line of code.split('\n')) {
    const begun = /\/\/ → (.*)$/.exec(line);
    const more = /^\s*\/\/ {3}(.*)$/.exec(line);
    if (begun) out.push(begun[1]!);
    else if (open && more) out[out.length - 1] += ` ${more[1]!}`;
    open = begun !== null || (open && more !== null);
  }
  return out.map(squeeze);
}

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** Whether an output is the expected one; `…` stands for anything. */
export function agrees(expected: string, actual: string): boolean {
  const pattern = expected
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`, 's').test(squeeze(actual));
}

type Body = (load: (specifier: string) => unknown, console: unknown) => Promise<void>;

/** Compiles an example to an async function; its imports become calls of `load`. */
function compile(code: string): Body {
  const loads = code
    .replace(/^import \* as (\w+) from '([^']+)';$/gm, "const $1 = await load('$2');")
    .replace(/^import \{([^}]*)\} from '([^']+)';$/gm, (_, names: string, from: string) => {
      const values = names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !name.startsWith('type '));
      return `const { ${values.join(', ').replace(/ as /g, ': ')} } = await load('${from}');`;
    });
  const { outputText } = ts.transpileModule(`async function example() {\n${loads}\n}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  return new Function('load', 'console', `${outputText}\nreturn example();`) as Body;
}

/** Runs an example and returns what it printed, one entry a call of `console.log`. */
export async function runExample(code: string, load: (specifier: string) => unknown): Promise<string[]> {
  const printed: string[] = [];
  const log = (...values: unknown[]): void => {
    const text = values.map((v) =>
      typeof v === 'string' ? v : inspect(v, { depth: 6, breakLength: Number.POSITIVE_INFINITY }),
    );
    printed.push(squeeze(format(text.map(() => '%s').join(' '), ...text)));
  };
  await compile(code)(load, { log });
  return printed;
}

/** Type errors of examples, as `page:line: message`; `paths` says where packages are. */
export function typeErrors(
  examples: readonly Example[],
  folder: string,
  paths: Readonly<Record<string, string[]>>,
  typeRoots: string[],
): string[] {
  const sources = new Map(
    examples.map((example, i) => [
      `${folder}/example-${i}.ts`,
      { example, text: `${example.code}\nexport {};\n` },
    ]),
  );
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots,
    paths,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => sources.has(name) || fileExists.call(host, name);
  host.readFile = (name) => sources.get(name)?.text ?? readFile.call(host, name);
  host.getSourceFile = (name, language, ...rest) => {
    const own = sources.get(name);
    return own
      ? ts.createSourceFile(name, own.text, language)
      : getSourceFile.call(host, name, language, ...rest);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources].flatMap(([name, { example }]) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      (diagnostic) => {
        const { line } = file!.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
        const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
        return `${example.page}:${example.line + line}: ${message}`;
      },
    );
  });
}
