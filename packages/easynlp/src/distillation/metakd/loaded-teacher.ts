import type { Tensor } from '@easynlp/torch';
import type { ModelInputs, TaskSpec } from '../../appzoo/app.js';
import { openArtefact } from '../../appzoo/artefact.js';
import type { ClassificationSpec } from '../../appzoo/sequence/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { ClassifierOutput } from '../../modelzoo/index.js';
import type { MethodContext } from '../../trainer/method.js';
import type { MetaTeacher } from './meta-teacher.js';
import type { StudentOptions } from './options.js';
import type { DomainSpec } from './variant.js';

/** A trained meta-teacher on its device, for reading only. */
export interface LoadedTeacher {
  readonly model: MetaTeacher;
  readonly domains: readonly string[];
  forward(inputs: ModelInputs): { logits: Tensor };
  traces(inputs: ModelInputs): ClassifierOutput;
  dispose(): void;
}

const sameList = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** The folder that the option names; exactly one. */
export function teacherFolder({ teacher }: Pick<StudentOptions, 'teacher'>): string {
  if (teacher.length === 1) return teacher[0]!;
  if (teacher.length === 0) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: 'teacher',
      expected: 'the folder of a model trained with the method metakd_teacher',
    });
  }
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'teacher',
    expected: 'one folder: MetaKD has one teacher for all domains',
    got: `${teacher.length}`,
  });
}

/** The domains that a teacher knows. @throws EasyNlpError for any other model than a meta-teacher */
export function domainsOfTeacher(task: TaskSpec, folder: string): readonly string[] {
  const { domains } = task as Partial<DomainSpec>;
  if (task.method === 'metakd_teacher' && domains) return domains;
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'teacher',
    expected: 'a model trained with the method metakd_teacher',
    got: `${folder}, trained with ${task.method ?? 'finetune'}`,
  });
}

/**
 * Loads the teacher as what it is, domain branch included, and checks that student and teacher speak of the same
 * labels, tokens and domains. (EasyNLP loads it as the student's class, whose projections are then random.)
 */
export async function loadTeacher({
  config,
  context,
  runtime,
}: Pick<MethodContext, 'config' | 'context' | 'runtime'>): Promise<LoadedTeacher> {
  const folder = teacherFolder(config as typeof config & StudentOptions);
  const { model, spec, tokenizer } = await openArtefact(folder, config.app);
  try {
    const domains = domainsOfTeacher(spec, folder);
    const { labels } = spec as unknown as ClassificationSpec;
    const own = (context.spec as ClassificationSpec).labels;
    if (!sameList(labels, own)) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'labels',
        expected: `the teacher's labels: ${labels.join(',')}`,
        got: own.join(','),
        hint: 'Give the labels in the order of the teacher’s.',
      });
    }
    if (!sameList(tokenizer.vocabulary, context.tokenizer.vocabulary)) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'teacher',
        expected: 'a teacher with the vocabulary of the student, so that they see the same tokens',
        got: `${tokenizer.vocabSize} tokens, the student's has ${context.tokenizer.vocabSize} and they differ`,
      });
    }
    const teacher = (model as MetaTeacher).requiresGrad_(false).to({ device: runtime.device });
    return {
      model: teacher,
      domains,
      forward: (inputs) => teacher.forward(inputs),
      traces: (inputs) => teacher.traces(inputs),
      dispose: () => teacher.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
