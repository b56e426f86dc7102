"""Everyday English and Chinese sentences written for this project (CC0-1.0).

Old books and poems alone would leave a tiny model without the plain words that people use when they
ask a question, so a seeded generator adds everyday sentences made from hand-written words and
patterns. They state no fact that the instruction set in examples/demo/data asks for: no capitals,
sums, recipes or medical advice.
"""

import random

# (English, Chinese) pairs. The n-th English word means the n-th Chinese word.
ANIMALS = [
    ("cat", "猫", "sleeps on the chair", "在椅子上睡觉"),
    ("dog", "狗", "runs to the door", "跑到门口"),
    ("bird", "鸟", "sings in the tree", "在树上唱歌"),
    ("fish", "鱼", "swims in the river", "在河里游"),
    ("horse", "马", "walks along the road", "沿着路走"),
    ("cow", "牛", "eats grass on the hill", "在山上吃草"),
    ("sheep", "羊", "stands in the field", "站在田里"),
    ("duck", "鸭子", "crosses the small lake", "游过小湖"),
    ("rabbit", "兔子", "hides under the leaves", "躲在叶子下面"),
    ("bee", "蜜蜂", "flies from flower to flower", "从一朵花飞到另一朵花"),
    ("frog", "青蛙", "jumps into the water", "跳进水里"),
    ("monkey", "猴子", "climbs the old tree", "爬上老树"),
]
FOODS = [
    ("apple", "苹果", "red", "红色"), ("banana", "香蕉", "yellow", "黄色"),
    ("orange", "橙子", "sweet", "甜"), ("rice", "米饭", "white", "白色"),
    ("bread", "面包", "warm", "热"), ("soup", "汤", "hot", "热"),
    ("tea", "茶", "green", "绿色"), ("milk", "牛奶", "cold", "凉"),
    ("egg", "鸡蛋", "fresh", "新鲜"), ("fish", "鱼", "fresh", "新鲜"),
    ("tomato", "西红柿", "red", "红色"), ("cake", "蛋糕", "sweet", "甜"),
]
COLOURS = [("red", "红色"), ("blue", "蓝色"), ("green", "绿色"), ("white", "白色"),
           ("black", "黑色"), ("yellow", "黄色"), ("brown", "棕色"), ("grey", "灰色")]
# With the Chinese measure word.
THINGS = [("book", "书", "本"), ("table", "桌子", "张"), ("chair", "椅子", "把"),
          ("cup", "杯子", "个"), ("door", "门", "扇"), ("window", "窗户", "扇"), ("bag", "包", "个"),
          ("lamp", "灯", "盏"), ("coat", "外套", "件"), ("boat", "小船", "条"), ("box", "盒子", "个"),
          ("letter", "信", "封"), ("map", "地图", "张"), ("clock", "钟", "个"), ("pen", "笔", "支")]
PEOPLE = [("my mother", "我妈妈"), ("my father", "我爸爸"), ("the teacher", "老师"),
          ("the doctor", "医生"), ("my friend", "我的朋友"), ("the farmer", "农民"),
          ("the child", "孩子"), ("my sister", "我姐姐"), ("my brother", "我弟弟"),
          ("the student", "学生"), ("the cook", "厨师"), ("the driver", "司机")]
PLACES = [("at home", "在家"), ("in the city", "在城市里"), ("by the sea", "在海边"),
          ("at school", "在学校"), ("in the garden", "在花园里"), ("in the village", "在村子里"),
          ("at the market", "在市场"), ("near the river", "在河边"), ("on the hill", "在山上"),
          ("in the park", "在公园里"), ("in the country", "在乡下"), ("in the kitchen", "在厨房里")]
TIMES = [("In the morning", "早上"), ("At noon", "中午"), ("In the evening", "晚上"),
         ("Today", "今天"), ("Yesterday", "昨天"), ("Every day", "每天"), ("On Monday", "星期一"),
         ("On Sunday", "星期天"), ("In spring", "春天"), ("In summer", "夏天"),
         ("In autumn", "秋天"), ("In winter", "冬天")]
DOINGS = [("reads a book", "读书"), ("drinks some water", "喝水"), ("makes dinner", "做晚饭"),
          ("writes a letter", "写信"), ("takes a rest", "休息"), ("goes for a walk", "去散步"),
          ("sings a song", "唱歌"), ("asks a question", "问一个问题"),
          ("gives an answer", "回答问题"), ("tells a story", "讲故事"),
          ("learns a new word", "学一个新词"), ("helps other people", "帮助别人"),
          ("looks at the stars", "看星星"), ("plants a tree", "种树"),
          ("washes the cups", "洗杯子"), ("counts the money", "数钱")]
WEATHER = [("it rains", "下雨"), ("it snows", "下雪"), ("the wind blows", "刮风"),
           ("the sun shines", "太阳很好"), ("the sky is dark", "天很黑"),
           ("the moon is bright", "月亮很亮"), ("it is cold", "很冷"), ("it is hot", "很热")]
NUMBERS = [("one", "一"), ("two", "二"), ("three", "三"), ("four", "四"), ("five", "五"),
           ("six", "六"), ("seven", "七"), ("eight", "八"), ("nine", "九"), ("ten", "十")]
SHOULD = [("be careful", "小心"), ("wait a little", "等一会儿"), ("sleep early", "早睡"),
          ("keep warm", "注意保暖"), ("ask for help", "请人帮助"), ("go slowly", "慢慢走"),
          ("eat more fruit", "多吃水果"), ("drink more water", "多喝水"),
          ("wash your hands", "洗手"), ("think first", "先想一想")]


def _capital(text):
  return text[0].upper() + text[1:]


def _pair(rng):
  """One sentence in English and its Chinese counterpart."""
  kind = rng.randrange(12)
  if kind == 0:
    a = rng.choice(ANIMALS)
    t = rng.choice(TIMES)
    return f"{t[0]} the {a[0]} {a[2]}.", f"{t[1]}，{a[1]}{a[3]}。"
  if kind == 1:
    f = rng.choice(FOODS)
    return f"The {f[0]} is {f[2]}.", f"{f[1]}是{f[3]}的。"
  if kind == 2:
    t, c, p = rng.choice(THINGS), rng.choice(COLOURS), rng.choice(PEOPLE)
    return f"{_capital(p[0])} has a {c[0]} {t[0]}.", f"{p[1]}有一{t[2]}{c[1]}的{t[1]}。"
  if kind == 3:
    t, p, d, w = (rng.choice(TIMES), rng.choice(PEOPLE), rng.choice(DOINGS), rng.choice(PLACES))
    return f"{t[0]} {p[0]} {d[0]} {w[0]}.", f"{t[1]}，{p[1]}{w[1]}{d[1]}。"
  if kind == 4:
    w, p, d = rng.choice(WEATHER), rng.choice(PEOPLE), rng.choice(DOINGS)
    return f"When {w[0]}, {p[0]} {d[0]}.", f"{w[1]}的时候，{p[1]}{d[1]}。"
  if kind == 5:
    n, t, w = rng.choice(NUMBERS[1:]), rng.choice(THINGS), rng.choice(PLACES)
    plural = t[0] + ("es" if t[0].endswith("x") else "s")
    zh = "两" if n[1] == "二" else n[1]
    return f"There are {n[0]} {plural} {w[0]}.", f"{w[1]}有{zh}{t[2]}{t[1]}。"
  if kind == 6:
    i = rng.randrange(len(NUMBERS) - 1)
    return (f"After {NUMBERS[i][0]} comes {NUMBERS[i + 1][0]}.",
            f"{NUMBERS[i][1]}的后面是{NUMBERS[i + 1][1]}。")
  if kind == 7:
    w, s = rng.choice(WEATHER), rng.choice(SHOULD)
    return f"If {w[0]}, you should {s[0]}.", f"如果{w[1]}，你应该{s[1]}。"
  if kind == 8:
    p, f, t = rng.choice(PEOPLE), rng.choice(FOODS), rng.choice(TIMES)
    return f"{t[0]} {p[0]} likes to have {f[0]}.", f"{t[1]}，{p[1]}喜欢{f[1]}。"
  if kind == 9:
    t, c = rng.choice(THINGS), rng.choice(COLOURS)
    return (f"What colour is the {t[0]}? The {t[0]} is {c[0]}.",
            f"{t[1]}是什么颜色？{t[1]}是{c[1]}的。")
  if kind == 10:
    p, w, a = rng.choice(PEOPLE), rng.choice(PLACES), rng.choice(ANIMALS)
    return (f"Where is {p[0]}? {_capital(p[0])} is {w[0]} with the {a[0]}.",
            f"{p[1]}在哪里？{p[1]}和{a[1]}{w[1]}。")
  p, q, s = rng.choice(PEOPLE), rng.choice(PEOPLE), rng.choice(SHOULD)
  return f"{_capital(p[0])} says to {q[0]}: please {s[0]}.", f"{p[1]}对{q[1]}说：请{s[1]}。"


def _chat(rng):
  """A short conversation, as (English, Chinese) lists of (role, content)."""
  kind = rng.randrange(3)
  if kind == 0:
    t = rng.choice(THINGS + FOODS)
    return ([("user", f"Please repeat: {t[0]}."), ("assistant", f"{_capital(t[0])}.")],
            [("user", f"请重复：{t[1]}。"), ("assistant", f"{t[1]}。")])
  if kind == 1:
    p, d = rng.choice(PEOPLE), rng.choice(DOINGS)
    return ([("user", f"What does {p[0]} do?"), ("assistant", f"{_capital(p[0])} {d[0]}.")],
            [("user", f"{p[1]}做什么？"), ("assistant", f"{p[1]}{d[1]}。")])
  t, c = rng.choice(THINGS), rng.choice(COLOURS)
  return ([("user", f"The {t[0]} is {c[0]}. What colour is it?"), ("assistant", f"It is {c[0]}.")],
          [("user", f"{t[1]}是{c[1]}的。它是什么颜色？"), ("assistant", f"它是{c[1]}的。")])


def sentences(count, seed):
  """Two lists of `count` short paragraphs each (English, Chinese), three sentences a paragraph."""
  rng = random.Random(seed)
  english, chinese = [], []
  for _ in range(count):
    pairs = [_pair(rng) for _ in range(3)]
    english.append(" ".join(p[0] for p in pairs))
    chinese.append("".join(p[1] for p in pairs))
  return english, chinese


def chats(count, seed):
  """Two lists of `count` short conversations each (English, Chinese)."""
  rng = random.Random(seed)
  pairs = [_chat(rng) for _ in range(count)]
  return [p[0] for p in pairs], [p[1] for p in pairs]
