#!/usr/bin/env python3
"""Writes examples/demo/data/{train,heldout}.jsonl, the bilingual instruction set of the demo.

  python tools/pretrain_demo/make_data.py [--out DIR] [--check]

Every question and answer below was written for this project. Seven domains, two languages, twenty
records each: 280 records, of which 40 are held out (every cell of domain and language is in both
parts, no question is). Each record is one user turn and one assistant turn, in the OpenAI messages
form, with the fields id, source, license, language and domain. Domains carry different licences so
that licence rules and quotas have something to decide. Uses the standard library only.
--check compares with the files instead of writing them.
"""

import argparse
import json
import random
import sys
from pathlib import Path

SEED = 7
LICENSES = {"arithmetic": "CC0-1.0", "geography": "CC-BY-4.0", "cooking": "Apache-2.0",
            "medical-safety": "CC-BY-4.0", "poetry": "CC0-1.0", "translation": "Apache-2.0",
            "nature": "CC0-1.0"}

CAPITALS = [
    ("France", "Paris", "法国", "巴黎"), ("Japan", "Tokyo", "日本", "东京"),
    ("China", "Beijing", "中国", "北京"), ("Italy", "Rome", "意大利", "罗马"),
    ("Spain", "Madrid", "西班牙", "马德里"), ("Egypt", "Cairo", "埃及", "开罗"),
    ("Kenya", "Nairobi", "肯尼亚", "内罗毕"), ("Peru", "Lima", "秘鲁", "利马"),
    ("Cuba", "Havana", "古巴", "哈瓦那"), ("Greece", "Athens", "希腊", "雅典"),
    ("Norway", "Oslo", "挪威", "奥斯陆"), ("Russia", "Moscow", "俄罗斯", "莫斯科"),
    ("Germany", "Berlin", "德国", "柏林"), ("Canada", "Ottawa", "加拿大", "渥太华"),
    ("Thailand", "Bangkok", "泰国", "曼谷"), ("Vietnam", "Hanoi", "越南", "河内"),
    ("Chile", "Santiago", "智利", "圣地亚哥"), ("Poland", "Warsaw", "波兰", "华沙"),
    ("Ireland", "Dublin", "爱尔兰", "都柏林"), ("Portugal", "Lisbon", "葡萄牙", "里斯本"),
]

# Dish, preparation and method in English; the same in Chinese; minutes.
DISHES = [
    ("rice", "wash it", "boil", "米饭", "洗米", "煮", 15),
    ("soup", "cut the carrots", "boil", "汤", "切胡萝卜", "煮", 30),
    ("an egg", "heat the water", "boil", "鸡蛋", "烧水", "煮", 8),
    ("fish", "add some ginger", "steam", "鱼", "放姜", "蒸", 10),
    ("bread", "let it rise", "bake", "面包", "发面", "烤", 40),
    ("noodles", "heat the water", "boil", "面条", "烧水", "煮", 5),
    ("potatoes", "peel them", "boil", "土豆", "去皮", "煮", 20),
    ("dumplings", "heat the water", "boil", "饺子", "烧水", "煮", 6),
    ("beans", "soak them", "boil", "豆子", "泡豆子", "煮", 50),
    ("cabbage", "cut it", "fry", "白菜", "切白菜", "炒", 4),
    ("tofu", "cut it", "fry", "豆腐", "切豆腐", "煎", 6),
    ("chicken", "add some salt", "bake", "鸡肉", "放盐", "烤", 45),
    ("corn", "peel it", "steam", "玉米", "去皮", "蒸", 12),
    ("mushrooms", "wash them", "fry", "蘑菇", "洗蘑菇", "炒", 7),
    ("a cake", "mix the flour", "bake", "蛋糕", "和面", "烤", 35),
    ("spinach", "wash it", "fry", "菠菜", "洗菠菜", "炒", 3),
    ("pumpkin", "cut it", "steam", "南瓜", "切南瓜", "蒸", 18),
    ("tomatoes", "wash them", "fry", "西红柿", "洗西红柿", "炒", 5),
    ("porridge", "wash the rice", "boil", "粥", "洗米", "煮", 45),
    ("sweet potatoes", "wash them", "bake", "红薯", "洗红薯", "烤", 50),
]

# What is wrong, first advice; the same in Chinese; whether it is an emergency.
COMPLAINTS = [
    ("I have a headache", "rest", "我头疼", "休息", False),
    ("I have a cold", "drink water", "我感冒了", "喝水", False),
    ("I have a cough", "drink water", "我咳嗽", "喝水", False),
    ("I have a fever", "rest", "我发烧了", "休息", False),
    ("I cut my finger", "wash it", "我切到手指了", "清洗", False),
    ("I burned my hand", "cool it with water", "我烫到手了", "用凉水冲", False),
    ("My stomach hurts", "rest", "我肚子疼", "休息", False),
    ("My tooth hurts", "rinse it", "我牙疼", "漱口", False),
    ("My back hurts", "rest", "我背疼", "休息", False),
    ("My eyes are red", "do not rub them", "我眼睛红", "别揉", False),
    ("My throat hurts", "drink water", "我喉咙疼", "喝水", False),
    ("I feel dizzy", "sit down", "我头晕", "坐下", False),
    ("I cannot sleep", "turn off the lamp", "我睡不着", "关灯", False),
    ("A bee stung me", "cool it with ice", "蜜蜂蜇了我", "用冰敷", False),
    ("My foot is sore", "rest", "我脚疼", "休息", False),
    ("My nose bleeds", "sit down", "我流鼻血", "坐下", False),
    ("My chest hurts", "", "我胸口疼", "", True),
    ("I cannot breathe", "", "我喘不过气", "", True),
    ("He does not wake up", "", "他叫不醒", "", True),
    ("She drank poison", "", "她喝了毒药", "", True),
]

POEMS = [
    ("the moon", "The moon is a lamp that the night has lit.", "月亮", "月亮是夜晚点亮的灯。"),
    ("the rain", "The rain is a song that the roof has learned.", "雨", "雨是屋顶学会的歌。"),
    ("the snow", "The snow is a page that the wind will read.", "雪", "雪是风要读的信。"),
    ("the sea", "The sea is a door that the sun walks through.", "海", "海是太阳走过的门。"),
    ("the wind", "The wind is a guest that the trees all greet.", "风", "风是树林欢迎的客人。"),
    ("the spring", "The spring is a word that the fields repeat.", "春天", "春天是田野重复的词。"),
    ("autumn", "Autumn is a coat that the hills put on.", "秋天", "秋天是山穿上的外套。"),
    ("a river", "A river is a road that the rain goes home.", "河", "河是雨回家的路。"),
    ("a star", "A star is a word that the dark has kept.", "星星", "星星是黑夜留下的词。"),
    ("a tree", "A tree is a clock that the years look at.", "树", "树是岁月看的钟。"),
    ("a bird", "A bird is a letter that the sky has sent.", "鸟", "鸟是天空寄来的信。"),
    ("a flower", "A flower is a cup that the bees drink from.", "花", "花是蜜蜂喝水的杯子。"),
    ("a cloud", "A cloud is a boat that the wind has bought.", "云", "云是风买下的船。"),
    ("the sun", "The sun is a clock that the flowers trust.", "太阳", "太阳是花相信的钟。"),
    ("the night", "The night is a box that the stars are in.", "夜晚", "夜晚是装星星的盒子。"),
    ("a road", "A road is a story that the feet will tell.", "路", "路是脚要讲的故事。"),
    ("a lake", "A lake is a window that the hills look through.", "湖", "湖是山看天的窗户。"),
    ("home", "Home is a fire that the heart sits by.", "家", "家是心边上的火。"),
    ("a book", "A book is a boat that the child can sail.", "书", "书是孩子开走的船。"),
    ("a friend", "A friend is a door that the rain cannot close.", "朋友", "朋友是雨关不上的门。"),
]

WORDS = [
    ("water", "水"), ("fire", "火"), ("mountain", "山"), ("river", "河"), ("bread", "面包"),
    ("tea", "茶"), ("milk", "牛奶"), ("book", "书"), ("door", "门"), ("window", "窗户"),
    ("teacher", "老师"), ("doctor", "医生"), ("friend", "朋友"), ("morning", "早上"),
    ("evening", "晚上"), ("spring", "春天"), ("winter", "冬天"), ("horse", "马"), ("fish", "鱼"),
    ("tree", "树"),
]

HOMES = [
    ("frog", "near water", "青蛙", "水边"), ("camel", "in the desert", "骆驼", "沙漠里"),
    ("whale", "in the sea", "鲸鱼", "海里"), ("panda", "in the forest", "熊猫", "森林里"),
    ("bee", "in a hive", "蜜蜂", "蜂巢里"), ("ant", "in a nest", "蚂蚁", "蚁穴里"),
    ("cow", "on a farm", "牛", "农场里"), ("pig", "on a farm", "猪", "农场里"),
    ("shark", "in the sea", "鲨鱼", "海里"), ("tiger", "in the forest", "老虎", "森林里"),
    ("duck", "near water", "鸭子", "水边"), ("sheep", "on a farm", "羊", "农场里"),
    ("crab", "near the sea", "螃蟹", "海边"), ("deer", "in the forest", "鹿", "森林里"),
    ("penguin", "on the ice", "企鹅", "冰上"), ("seal", "near the sea", "海豹", "海边"),
    ("owl", "in a tree", "猫头鹰", "树上"), ("monkey", "in a tree", "猴子", "树上"),
    ("octopus", "in the sea", "章鱼", "海里"), ("hen", "on a farm", "母鸡", "农场里"),
]


def sums():
  """Twenty sums with small numbers: (a, b, sign), results never negative."""
  rng = random.Random(SEED)
  out = []
  while len(out) < 20:
    a, b, sign = rng.randint(2, 20), rng.randint(2, 9), "+-"[len(out) % 2]
    if (a, b, sign) not in out and (sign == "+" or a > b):
      out.append((a, b, sign))
  return out


def cells():
  """{(domain, language): [(question, answer)] of length 20}."""
  out = {}
  plus = {"+": ("plus", "加"), "-": ("minus", "减")}
  for n in (0, 1):
    language = ("en", "zh")[n]
    pairs = []
    for a, b, sign in sums():
      word, total = plus[sign][n], a + b if sign == "+" else a - b
      pairs.append((f"What is {a} {word} {b}?", f"{a} {word} {b} is {total}.") if n == 0 else
                   (f"{a}{word}{b}等于几？", f"{a}{word}{b}等于{total}。"))
    out["arithmetic", language] = pairs

  out["geography", "en"] = [(f"What is the capital of {c}?", f"The capital of {c} is {k}.")
                            for c, k, _, _ in CAPITALS]
  out["geography", "zh"] = [(f"{c}的首都是哪里？", f"{c}的首都是{k}。") for _, _, c, k in CAPITALS]
  out["cooking", "en"] = []
  for dish, prepare, method, _, _, _, minutes in DISHES:
    it = "them" if dish.endswith("s") else "it"
    out["cooking", "en"].append((f"How do I cook {dish}?",
                                 f"First {prepare}, then {method} {it} for {minutes} minutes."))
  out["cooking", "zh"] = [(f"怎么做{dish}？", f"先{prepare}，再{method}{minutes}分钟。")
                          for _, _, _, dish, prepare, method, minutes in DISHES]
  out["medical-safety", "en"] = [
      (f"{what}. What should I do?", "This is an emergency. Call for help now." if urgent else
       f"First {advice}. If it gets worse, see a doctor.")
      for what, advice, _, _, urgent in COMPLAINTS]
  out["medical-safety", "zh"] = [
      (f"{what}，怎么办？", "这很危险，请马上叫急救。" if urgent else
       f"先{advice}。如果更严重，请看医生。")
      for _, _, what, advice, urgent in COMPLAINTS]
  out["poetry", "en"] = [(f"Write a line about {x}.", line) for x, line, _, _ in POEMS]
  out["poetry", "zh"] = [(f"写一句关于{x}的诗。", line) for _, _, x, line in POEMS]
  out["translation", "en"] = [(f"What is {en} in Chinese?",
                               f"{en.capitalize()} is {zh} in Chinese.") for en, zh in WORDS]
  out["translation", "zh"] = [(f"{zh}用英语怎么说？", f"{zh}的英语是{en}。") for en, zh in WORDS]
  out["nature", "en"] = [(f"Where does the {a} live?", f"The {a} lives {home}.")
                         for a, home, _, _ in HOMES]
  out["nature", "zh"] = [(f"{a}住在哪里？", f"{a}住在{home}。") for _, _, a, home in HOMES]
  return out


def build():
  """(train, heldout): lists of records, each in a seeded order."""
  rng = random.Random(SEED)
  train, heldout = [], []
  for number, ((domain, language), pairs) in enumerate(cells().items()):
    assert len(pairs) == 20 and len({q for q, _ in pairs}) == 20, (domain, language)
    # 12 cells give three records and two give two: 40 held out in all.
    kept = set(rng.sample(range(20), 2 if number % 7 == 6 else 3))
    for i, (question, answer) in enumerate(pairs):
      record = {
          "id": f"{domain}-{language}-{i:02d}",
          "messages": [{"role": "user", "content": question},
                       {"role": "assistant", "content": answer}],
          "source": f"vft-demo/{domain}",
          "license": LICENSES[domain],
          "language": language,
          "domain": domain,
      }
      (heldout if i in kept else train).append(record)
  rng.shuffle(train)
  rng.shuffle(heldout)
  return train, heldout


def main():
  root = Path(__file__).resolve().parents[2]
  parser = argparse.ArgumentParser(description="Writes the demo's instruction set.")
  parser.add_argument("--out", default=root / "examples/demo/data", type=Path)
  parser.add_argument("--check", action="store_true", help="compare instead of writing")
  args = parser.parse_args()
  status = 0
  for name, records in zip(("train.jsonl", "heldout.jsonl"), build()):
    text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    path = args.out / name
    if not args.check:
      path.write_text(text, encoding="utf-8")
      print(f"{path}: {len(records)} records")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
      print(f"{path} differs from what this script writes", file=sys.stderr)
      status = 1
  return status


if __name__ == "__main__":
  sys.exit(main())
