import { Rng } from '../util/index.js';

const split = (words: string) => words.split(' ');
const PEOPLE = split('老师 学生 医生 护士 工人 农民 司机 记者 画家 歌手 厨师 店主 邻居 同事 朋友 经理');
const CITIES = split('北京 上海 广州 成都 西安 武汉 南京 杭州 重庆 天津 长沙 青岛 大连 厦门 昆明 苏州');
const THINGS = split('苹果 面包 雨伞 钥匙 手机 相机 书包 眼镜 帽子 茶壶 毛巾 闹钟 邮票 地图 钢笔 风筝');
const ACTS = split('修理 购买 寻找 清洗 包装 检查 整理 搬运');
const MOODS = split('高兴 难过 着急 安静 满意 疲倦 惊讶 平静');

/**
 * Documents of a small grammar, one a line, about `bytes` in all: the first sentence chooses a person, two cities, a
 * thing, an act and a mood, and the later ones (some are left out) take them up again. How often characters are says
 * little about the next one; what was said before, much. It stands for a corpus where no real one is at hand.
 */
export function grammarCorpus(bytes: number, seed: number): string {
  const rng = Rng.derive(seed, 'grammar');
  const pick = (words: readonly string[]) => words[rng.int(words.length)]!;
  const lines: string[] = [];
  for (let size = 0; size < bytes; ) {
    const [who, home, away] = [pick(PEOPLE), pick(CITIES), pick(CITIES)];
    const [thing, act, mood] = [pick(THINGS), pick(ACTS), pick(MOODS)];
    const later = [
      `到了${away}，${who}先打听哪里能${act}${thing}。`,
      `${act}${thing}之后，${who}觉得很${mood}，就给${home}的家人打电话。`,
      `家人听说${thing}的事，也很${mood}。`,
      `第二天，${who}带着${thing}离开${away}，回到${home}。`,
    ].filter(() => rng.int(4) > 0);
    const line = `${who}从${home}坐火车去${away}，打算在${away}${act}${thing}。${later.join('')}`;
    lines.push(line);
    size += Buffer.byteLength(line) + 1;
  }
  return `${lines.join('\n')}\n`;
}
