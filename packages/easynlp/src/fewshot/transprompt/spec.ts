import { EasyNlpError } from '../../errors/index.js';
import type { PromptEncoding } from '../p-tuning/index.js';
import type { PromptSpec } from '../prompt/index.js';
import type { StageConfig } from './options.js';
import { loadGroup, type TaskGroup } from './task-group.js';

/** Column of the joint table that says which task a row is of. */
export const TASK_COLUMN = '@task';

/** A task among those that a model answers, plain JSON. */
export interface AnsweredTask {
  readonly name: string;
  readonly spec: PromptSpec;
}

/** A task, or the group of tasks of the meta-learner; plain JSON. */
export interface TransPromptSpec extends PromptSpec {
  /** The tasks of a meta-learner; null for the model of one task, which is described by the spec itself. */
  readonly tasks: readonly AnsweredTask[] | null;
  /** The task of such a model. */
  readonly task: string | null;
  /** Tasks that have a prompt encoder of their own in the model; all others have the universal one only. */
  readonly encoders: readonly string[];
  readonly promptEncoder: PromptEncoding;
  readonly universalShare: number;
  readonly pseudoTokens: number;
  readonly block: number;
}

/** The tasks whose rows a model reads. */
export function tasksOf(spec: TransPromptSpec): readonly AnsweredTask[] {
  return spec.tasks ?? [{ name: spec.task ?? '', spec }];
}

/** Names of all classes that the model's logits stand for: labels, or `task:label` for a group. */
export function groupLabels(tasks: readonly AnsweredTask[]): string[] {
  return tasks.flatMap(({ name, spec }) => spec.labels.map((label) => `${name}:${label}`));
}

export async function prepareStage(config: StageConfig): Promise<TransPromptSpec> {
  const { groupFile, groupTask = null } = config;
  if (groupFile === undefined) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: 'groupFile',
      expected: 'the checked group of tasks',
      hint: 'Train with --method transprompt, which writes it and calls its stages.',
    });
  }
  return stageSpec(await loadGroup(groupFile), groupTask, config);
}

/** @param name the task to adapt to; null for the meta-learner */
export function stageSpec(
  group: TaskGroup,
  name: string | null,
  config: Pick<StageConfig, 'promptEncoder' | 'universalShare'>,
): TransPromptSpec {
  const { pseudoTokens, block } = group;
  const { promptEncoder, universalShare } = config;
  const shared = { promptEncoder, universalShare, pseudoTokens, block };
  if (name !== null) {
    const { spec, unseen } = group.tasks.find((task) => task.name === name)!;
    return { ...spec, ...shared, tasks: null, task: name, encoders: unseen ? [] : [name] };
  }
  const tasks = group.tasks.filter((task) => !task.unseen).map(({ name, spec }) => ({ name, spec }));
  return {
    ...tasks[0]!.spec,
    labels: groupLabels(tasks),
    ...shared,
    tasks,
    task: null,
    encoders: tasks.map((task) => task.name),
  };
}
