import type { AppContext, TaskSpec } from '../../appzoo/app.js';
import { encodeSource } from '../../appzoo/evaluate.js';
import { inferResults, type LoadedApp } from '../../appzoo/inference.js';
import type { Runtime } from '../../appzoo/runtime.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { loadModel } from '../../predictor/open-model.js';
import { LogitsCollector, type LogitsTable, parseLogits } from './logits-rows.js';

/** What a spec may have that teacher and student must agree about. */
type TaughtSpec = TaskSpec & {
  readonly labels?: readonly string[];
  readonly firstSequence?: string;
  readonly secondSequence?: string | null;
};

const cannot = (folder: string, reason: string, hint?: string) =>
  new EasyNlpError('DISTILL_TEACHER', { folder, reason, hint });

/**
 * Where the student's labels stand among the teacher's: they must be the same, their order need not be.
 *
 * @throws EasyNlpError DISTILL_TEACHER
 */
export function labelOrder(
  folder: string,
  teacher: readonly string[] | undefined,
  student: readonly string[] | undefined,
): readonly number[] | null {
  if (teacher === undefined && student === undefined) return null;
  const missing = (student ?? []).filter((label) => !teacher?.includes(label));
  const beyond = (teacher ?? []).filter((label) => !student?.includes(label));
  if (missing.length > 0 || beyond.length > 0) {
    const list = (labels: readonly string[] | undefined) => (labels ?? ['none']).slice(0, 12).join(', ');
    throw cannot(
      folder,
      `its labels are ${list(teacher)}, the student's ${list(student)}`,
      'Teacher and student must have the same labels; give --labels where the training data lack one of them.',
    );
  }
  return student!.map((label) => teacher!.indexOf(label));
}

/** A trained model that says what it thinks of rows; of any variant, with its own tokenizer. */
export class Teacher {
  private constructor(
    private readonly folder: string,
    private readonly loaded: LoadedApp,
    private readonly order: readonly number[] | null,
  ) {}

  /**
   * Opens a teacher and checks that it answers the student's question. Columns that it does not find under its own
   * names it reads under the student's.
   *
   * @throws EasyNlpError DISTILL_TEACHER, ARTEFACT_INVALID
   */
  static async open(
    folder: string,
    student: AppContext,
    runtime: Runtime,
    columns: readonly string[] | null,
  ): Promise<Teacher> {
    const loaded = await loadModel({ ...runtime, model: folder } as Parameters<typeof loadModel>[0]);
    try {
      const { app } = loaded;
      const spec = loaded.context.spec as TaughtSpec;
      const own = student.spec as TaughtSpec;
      if (!app.columns.logits) throw cannot(folder, `${app.name} has no logits`);
      const order = labelOrder(folder, spec.labels, own.labels);
      const pair = (s: TaughtSpec) => (s.secondSequence ?? null) !== null;
      if (pair(spec) !== pair(own)) {
        throw cannot(folder, `it reads ${pair(spec) ? 'pairs' : 'single texts'}, the student does not`);
      }
      const here = (name: string | null | undefined) => !columns || !name || columns.includes(name);
      const renamed =
        here(spec.firstSequence) && here(spec.secondSequence)
          ? spec
          : { ...spec, firstSequence: own.firstSequence, secondSequence: own.secondSequence };
      const context = { ...loaded.context, spec: renamed as TaskSpec };
      return new Teacher(folder, { ...loaded, context }, order);
    } catch (error) {
      loaded.model.dispose();
      throw error;
    }
  }

  /** Its logits of every row, in the order of the student's labels. */
  async logits(
    source: DataSource,
    options: { batchSize: number; signal?: AbortSignal | undefined },
  ): Promise<LogitsTable> {
    const { app, context } = this.loaded;
    const found = new LogitsCollector(this.order?.length ?? null);
    for await (const { rows, encoded } of encodeSource(this.loaded, source, {
      labels: false,
      signal: options.signal,
    })) {
      const results = await inferResults(this.loaded, encoded, options);
      for (const [i, result] of results.entries()) {
        const { file, line } = rows[i]!;
        const values = parseLogits(app.columns.logits!(result, context), { file, line });
        if (!values.every(Number.isFinite)) {
          throw cannot(this.folder, `its logits of ${file}, line ${line} are ${values.join(', ')}`);
        }
        found.add(this.order === null ? values : this.order.map((at) => values[at]!), { file, line });
      }
    }
    return found.finish();
  }

  dispose(): void {
    this.loaded.model.dispose();
  }
}
