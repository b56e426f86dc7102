/* The relations of blake3.h. Tensors of d and b have a word's bytes where the XOR that made them
 * put them (d16, b12) or where its rotation brings them (d8, b7), whichever cuts the lookups into
 * fewer pieces: a lookup reads each operand from one index on, so it ends where one wraps round. */
#include "gadget/blake3.h"

#include "gadget/poseidon.h"
#include "hash/blake3_core.h"

enum {
  ROUNDS = VFT_BLAKE3_ROUNDS,
  LANES = VFT_BLAKE3_LANES,
  BYTES = VFT_BLAKE3_BYTES,
  ROWS = 1 << 16,
  XOR = 0, NIBBLES, BITS /* tables */
};

/* 1 / 2^32 modulo p: 2^64 = 2^32 - 1, so 2^32 (1 - 2^32) = 1. */
#define CARRY (1 - ((int64_t)1 << 32))

static const vft_frac no_frac;

/* ---- constants ---- */

int64_t vft_blake3_entry(vft_blake3_column column, uint32_t row) {
  uint32_t low = row & 255, x = (row >> 8) ^ low;
  switch (column) {
    case VFT_BLAKE3_LOW: return low;
    case VFT_BLAKE3_XOR: return x;
    case VFT_BLAKE3_NIBBLE1: return x >> 4;
    case VFT_BLAKE3_NIBBLE0: return x & 15;
    case VFT_BLAKE3_BIT1: return x >> 7;
    default: return x & 127;
  }
}

static void add_table(vft_builder *b, const char *name, int64_t tag, vft_tensor_id out1,
                      vft_tensor_id out2, vft_tensor_id out3) {
  vft_table t = {.name = name, .kind = VFT_TABLE_FUNCTION, .tag = tag, .rows = 1 << 16,
                 .out = {out1, out2, out3},
                 .mult = vft_build_tensor(b, VFT_WITNESS, 0, vft_build_name(b, "%s/mult", name),
                                          "Y", 0, ((int64_t)1 << 31) - 1, NULL, no_frac)};
  if (b->status == VFT_OK && vft_program_add_table(b->p, &t) == UINT32_MAX) b->status = VFT_USAGE;
}

static void set_sizes(vft_builder *b) {
  b->size['Z'] = ROUNDS;
  b->size['E'] = b->size['J'] = b->size['H'] = b->size['V'] = 2;
  b->size['G'] = b->size['Q'] = LANES;
  b->size['L'] = BYTES;
  b->size['W'] = VFT_BLAKE3_PAIRS;
  b->size['z'] = b->size['y'] = b->size['x'] = 1;
}

static void add_columns(vft_builder *b, vft_blake3_constants *c, vft_origin origin,
                        uint32_t group) {
  static const char *const name[VFT_BLAKE3_COLUMNS] = {"low",     "xor",  "nibble1",
                                                       "nibble0", "bit1", "bit0"};
  int64_t *value = vft_build_grab(b, ROWS, sizeof *value);
  if (!value) return;
  for (int k = 0; k < VFT_BLAKE3_COLUMNS; k++) {
    for (uint32_t i = 0; i < ROWS; i++) value[i] = vft_blake3_entry((vft_blake3_column)k, i);
    c->column[k] = vft_build_tensor(b, origin, group, vft_build_name(b, "const/blake3/%s", name[k]),
                                    "Y", 0, 255, origin == VFT_PUBLIC ? value : NULL, no_frac);
  }
}

/* Of a block's word, [H, W]. */
static int place_of(int word) { return word % 2 * VFT_BLAKE3_PAIRS + word / 2; }

void vft_build_blake3_constants(vft_builder *b, vft_blake3_constants *c, int64_t tag,
                                vft_origin origin, uint32_t group) {
  int64_t iv[LANES], schedule[ROUNDS * 16 * 16] = {0}, v[LANES * LANES];
  set_sizes(b);
  b->size['Y'] = ROWS;
  c->tag = tag;
  add_columns(b, c, origin, group);
  const vft_tensor_id *col = c->column;
  add_table(b, "blake3/xor", tag + XOR, col[VFT_BLAKE3_XOR], col[VFT_BLAKE3_LOW], VFT_NO_TENSOR);
  add_table(b, "blake3/nibbles", tag + NIBBLES, col[VFT_BLAKE3_NIBBLE1], col[VFT_BLAKE3_LOW],
            col[VFT_BLAKE3_NIBBLE0]);
  add_table(b, "blake3/bits", tag + BITS, col[VFT_BLAKE3_BIT1], col[VFT_BLAKE3_LOW],
            col[VFT_BLAKE3_BIT0]);
  for (int i = 0; i < LANES; i++) iv[i] = vft_blake3_iv[i];
  c->iv = vft_build_field(b, VFT_PUBLIC, 0, "const/blake3/iv", "G", iv);
  /* G number g of a round, columns before diagonals, takes words 2 g and 2 g + 1 of its order. */
  for (int r = 0; r < ROUNDS; r++)
    for (int e = 0; e < 2; e++)
      for (int j = 0; j < 2; j++)
        for (int g = 0; g < LANES; g++)
          schedule[(((r * 2 + e) * 2 + j) * LANES + g) * 16 +
                   place_of(vft_blake3_schedule[r][2 * (LANES * e + g) + j])] = 1;
  c->schedule = vft_build_field(b, VFT_PUBLIC, 0, "const/blake3/schedule", "ZEJGHW", schedule);
  for (int s = 0; s < 3; s++) {
    for (int l = 0; l < BYTES; l++) v[l] = (int64_t)1 << 8 * ((l + BYTES - s) % BYTES);
    c->place[s] =
        vft_build_field(b, VFT_PUBLIC, 0, vft_build_name(b, "const/blake3/place%d", s), "L", v);
  }
  for (int s = 0; s < LANES; s++) {
    for (int i = 0; i < LANES * LANES; i++) v[i] = i % LANES == (i / LANES + s) % LANES;
    c->turn[s] =
        vft_build_field(b, VFT_PUBLIC, 0, vft_build_name(b, "const/blake3/turn%d", s), "GQ", v);
  }
  v[0] = 1;
  v[1] = 1 << 16;
  c->limbs = vft_build_tensor(b, VFT_PUBLIC, 0, "const/blake3/limbs", "V", 1, 1 << 16, v, no_frac);
}

/* ---- where the words of half a G are ---- */

typedef struct {
  const char *name, *free; /* the letters that its sums range over, before the lanes */
  const char *letters;     /* and its lookups */
  uint32_t rounds;
  const char *half, *step;               /* its own [Z, E, J] and [Z, E] */
  const char *half_before, *step_before; /* those it goes on from */
  int b, c, d; /* lane G goes on from lane G + this; a from lane G */
} variant;

/* A diagonal's lane g has a_g, b_(g+1), c_(g+2), d_(g+3) of the columns; so a column's lane g has b
 * of the diagonal g - 1, c of g - 2, d of g - 3. */
static const variant variants[VFT_BLAKE3_VARIANTS] = {
    {"first", "", "zyx", 1, "zyx", "zy", NULL, NULL, 0, 0, 0},
    {"column", "Z", "Zyx", ROUNDS - 1, "Z+1yx", "Z+1y", "Zy+1x+1", "Zy+1", 3, 2, 1},
    {"diagonal", "Z", "Zyx", ROUNDS, "Zy+1x", "Zy+1", "Zyx+1", "Zy", 1, 2, 3},
    {"second", "ZE", "ZEx", ROUNDS, "ZEx+1", "ZE", "ZEx", "ZE", 0, 0, 0}};

typedef struct {
  vft_builder *b;
  const vft_blake3_constants *k;
  vft_blake3_chip *chip;
  const char *name;
  vft_tensor_id cv, tail, block;
} build;

/* ---- sums ---- */

/* coef times a word whose byte l is at index l + s of the letter L; turn: that of lane G + turn. */
static vft_raw_term word(const build *c, int64_t coef, vft_tensor_id t, const char *at, int s,
                         int turn) {
  const char *axes =
      vft_build_name(c->b, "%s%cL%s", at, turn ? 'Q' : 'G', c->chip->axes);
  vft_raw_term r = VFT_RAW2(coef, c->k->place[s], "L", t, axes);
  if (turn) r.factor[r.nfactors++] = (vft_axes_factor){c->k->turn[turn], "GQ"};
  return r;
}

/* Carries are terms, 0 .. most - 1 of them possible. */
static vft_tensor_id add_carry(const build *c, const char *what, const variant *v,
                               const vft_raw_term *terms, int n, int most) {
  const char *axes = vft_build_name(c->b, "%sG%s", v->free, c->chip->axes);
  const char *name = vft_build_name(c->b, "%s/%s_%s", c->name, what, v->name);
  vft_tensor_id k = vft_build_field_define(c->b, name, axes, terms, n);
  vft_raw_term two[2] = {VFT_RAW2(1, k, axes, k, axes), VFT_RAW1(-1, k, axes)};
  vft_raw_term three[3] = {VFT_RAW3(1, k, axes, k, axes, k, axes), VFT_RAW2(-3, k, axes, k, axes),
                           VFT_RAW1(2, k, axes)};
  vft_build_field_zero(c->b, vft_build_name(c->b, "%s/carry", name), axes, most == 3 ? three : two,
                       most);
  return k;
}

/* Operands and result are below 2^32. The result is what the sum says modulo p, which is above
 * 2^35, and so over the integers, once the carry is 0, 1 or, of three operands, 2. */
static void add_sums(const build *c, vft_blake3_variant number) {
  const variant *v = &variants[number];
  vft_blake3_chip *h = c->chip;
  bool first = number == VFT_BLAKE3_FIRST, second = number == VFT_BLAKE3_SECOND;
  const char *words = vft_build_name(c->b, "HW%s", h->axes);
  c->b->size['Z'] = v->rounds;
  /* a + b + the block's word */
  vft_raw_term a[5] = {word(c, -CARRY, h->a, v->half, 0, 0),
                       VFT_RAW2(CARRY, c->k->schedule, vft_build_name(c->b, "%sGHW", v->half),
                                c->block, words),
                       first ? word(c, CARRY, c->cv, "", 0, 0)
                             : word(c, CARRY, h->a, v->half_before, 0, 0)};
  int n = 3;
  if (first) {
    a[n++] = VFT_RAW2(CARRY, c->k->place[0], "L", c->cv, vft_build_name(c->b, "G+4L%s", h->axes));
  } else if (second) { /* b12 rotated: high pieces one byte on, low ones two, as high nibbles */
    a[n++] = word(c, CARRY, h->b12[0], v->step, 1, 0);
    a[n++] = word(c, 16 * CARRY, h->b12[1], v->step, 2, 0);
  } else {
    a[n++] = word(c, CARRY, h->b7[0], v->step_before, 0, v->b);
    a[n++] = word(c, 2 * CARRY, h->b7[1], v->step_before, 0, v->b);
  }
  h->carry[0][number] = add_carry(c, "a", v, a, n, 3);
  /* c + d */
  vft_raw_term s[3] = {word(c, -CARRY, h->c, v->half, 0, 0),
                       second ? word(c, CARRY, h->d8, v->step, 0, 0)
                              : word(c, CARRY, h->d16, v->step, 2, 0),
                       first ? VFT_RAW1(CARRY, c->k->iv, "G")
                             : word(c, CARRY, h->c, v->half_before, 0, v->c)};
  h->carry[1][number] = add_carry(c, "c", v, s, 3, 2);
}

/* ---- XORs ---- */

/* coef times byte l + byte of the word of lane first + (g + lane) mod 4. */
typedef struct {
  vft_tensor_id t;
  const char *at;
  int first, lane, byte, coef;
} operand;

enum { HIGH, MORE, LOW, OUT, REST, OPERANDS }; /* coefficient 0: there is none */

/* From index `at` on, as many as none of the shifts takes round 4. */
static int run(int at, const int shift[OPERANDS]) {
  int n = 4 - at;
  for (int i = 0; i < OPERANDS; i++) {
    int room = 4 - (at + shift[i]) % 4;
    n = room < n ? room : n;
  }
  return n;
}

/* Rows 256 (high + more) + low of a table, for all lanes and bytes: a lookup a piece. The operand
 * that no other lookup pins is the low one: as a column by itself it has known bounds. */
static void add_xor(const build *c, const char *what, const char *letters, int table,
                    const operand o[OPERANDS]) {
  vft_builder *b = c->b;
  const char *axes = vft_build_name(b, "%sGL%s", letters, c->chip->axes);
  int lane[OPERANDS], byte[OPERANDS];
  for (int i = 0; i < OPERANDS; i++) {
    lane[i] = o[i].lane;
    byte[i] = o[i].byte;
  }
  for (int g = 0, lanes; g < LANES; g += lanes) {
    lanes = run(g, lane);
    for (int l = 0, bytes; l < BYTES; l += bytes) {
      bytes = run(l, byte);
      b->size['G'] = (uint32_t)lanes;
      b->size['L'] = (uint32_t)bytes;
      vft_raw_term t[OPERANDS] = {{0}}, tag = VFT_RAW0(c->k->tag + table);
      for (int i = 0; i < OPERANDS; i++)
        if (o[i].coef)
          t[i] = VFT_RAW1(o[i].coef, o[i].t,
                          vft_build_name(b, "%sG+%dL+%d%s", o[i].at,
                                         o[i].first + (g + o[i].lane) % LANES,
                                         (l + o[i].byte) % BYTES, c->chip->axes));
      vft_raw_term row[3] = {t[LOW], t[HIGH], t[MORE]};
      row[1].coef *= 256;
      row[2].coef *= 256;
      vft_build_lookup(b, vft_build_name(b, "%s/%s_%d%d", c->name, what, g, l), axes,
                       (const vft_raw_term *const[]){&tag, row, &t[OUT], &t[LOW], &t[REST]},
                       (const int[]){1, o[MORE].coef ? 3 : 2, 1, 1, o[REST].coef ? 1 : 0});
    }
  }
  b->size['G'] = LANES;
  b->size['L'] = BYTES;
}

static void add_xors(const build *c, vft_blake3_variant number) {
  const variant *v = &variants[number];
  const vft_blake3_chip *h = c->chip;
  bool first = number == VFT_BLAKE3_FIRST, second = number == VFT_BLAKE3_SECOND;
  const char *d_name = vft_build_name(c->b, "d_%s", v->name);
  const char *b_name = vft_build_name(c->b, "b_%s", v->name);
  c->b->size['Z'] = v->rounds;
  operand d[OPERANDS] = {[LOW] = {h->a, v->half, 0, 0, 0, 1}};
  operand b[OPERANDS] = {[LOW] = {h->c, v->half, 0, 0, 0, 1}};
  if (second) {
    d[HIGH] = (operand){h->d16, v->step, 0, 0, 2, 1};
    d[OUT] = (operand){h->d8, v->step, 0, 0, 3, 1}; /* rotated: a byte down */
    b[HIGH] = (operand){h->b12[0], v->step, 0, 0, 1, 1};
    b[MORE] = (operand){h->b12[1], v->step, 0, 0, 2, 16};
    b[OUT] = (operand){h->b7[0], v->step, 0, 0, 0, 1};  /* the lowest bit of the same byte and */
    b[REST] = (operand){h->b7[1], v->step, 0, 0, 3, 1}; /* the others of the byte below */
  } else {
    d[HIGH] = first ? (operand){c->tail, "", 0, 0, 0, 1}
                    : (operand){h->d8, v->step_before, 0, v->d, 0, 1};
    d[OUT] = (operand){h->d16, v->step, 0, 0, 0, 1};
    b[HIGH] = first ? (operand){c->cv, "", LANES, 0, 0, 1}
                    : (operand){h->b7[0], v->step_before, 0, v->b, 0, 1};
    if (!first) b[MORE] = (operand){h->b7[1], v->step_before, 0, v->b, 0, 2};
    b[OUT] = (operand){h->b12[0], v->step, 0, 0, 0, 1};
    b[REST] = (operand){h->b12[1], v->step, 0, 0, 0, 1};
  }
  add_xor(c, d_name, v->letters, XOR, d);
  add_xor(c, b_name, v->letters, second ? BITS : NIBBLES, b);
}

/* a ^ c and b ^ d of the columns after the last diagonals. */
static void add_output(const build *c) {
  const vft_blake3_chip *h = c->chip;
  const variant *v = &variants[VFT_BLAKE3_COLUMN];
  const char *half = vft_build_name(c->b, "z+%dy+1x+1", ROUNDS - 1);
  const char *step = vft_build_name(c->b, "z+%dy+1", ROUNDS - 1);
  operand low[OPERANDS] = {[HIGH] = {h->a, half, 0, 0, 0, 1},
                           [LOW] = {h->c, half, 0, v->c, 0, 1},
                           [OUT] = {h->out, "", 0, 0, 0, 1}};
  operand high[OPERANDS] = {[HIGH] = {h->b7[0], step, 0, v->b, 0, 1},
                            [MORE] = {h->b7[1], step, 0, v->b, 0, 2},
                            [LOW] = {h->d8, step, 0, v->d, 0, 1},
                            [OUT] = {h->out, "", LANES, 0, 0, 1}};
  add_xor(c, "out_low", "zyx", XOR, low);
  add_xor(c, "out_high", "zy", XOR, high);
}

vft_blake3_chip vft_build_blake3(vft_builder *b, const vft_blake3_constants *constants,
                                 const char *name, const char *axes, vft_tensor_id cv,
                                 vft_tensor_id tail, vft_tensor_id block) {
  vft_blake3_chip h = {.axes = axes};
  build c = {b, constants, &h, name, cv, tail, block};
  const char *half = vft_build_name(b, "ZEJGL%s", axes), *step = vft_build_name(b, "ZEGL%s", axes);
  const struct {
    vft_tensor_id *t;
    const char *name, *axes;
  } committed[] = {{&h.a, "a", half},       {&h.c, "c", half},         {&h.d16, "d16", step},
                   {&h.d8, "d8", step},     {&h.b12[0], "b12_1", step}, {&h.b12[1], "b12_0", step},
                   {&h.b7[0], "b7_1", step}, {&h.b7[1], "b7_0", step},
                   {&h.out, "out", vft_build_name(b, "WL%s", axes)}};
  set_sizes(b); /* eight words are as many as pairs: the letter W */
  for (size_t i = 0; i < sizeof committed / sizeof *committed; i++)
    *committed[i].t =
        vft_build_tensor(b, VFT_WITNESS, 0, vft_build_name(b, "%s/%s", name, committed[i].name),
                         committed[i].axes, 0, 255, NULL, no_frac);
  for (int v = 0; v < VFT_BLAKE3_VARIANTS; v++) {
    add_sums(&c, (vft_blake3_variant)v);
    add_xors(&c, (vft_blake3_variant)v);
  }
  add_output(&c);
  b->size['Z'] = ROUNDS;
  return h;
}

/* ---- words ---- */

/* x = lo + 2^32 hi with lo, hi < 2^32 is x itself, below p = 2^64 - 2^32 + 1, unless hi = 2^32 - 1
 * and lo > 0. Of t = 2^32 - 1 - hi and any `inverse`, lo (1 - inverse t) = 0 says lo = 0 where
 * t = 0, and nothing where inverse = 1 / t. */
vft_words vft_build_words(vft_builder *b, const vft_blake3_constants *constants, const char *name,
                          const char *axes, vft_tensor_id x) {
  vft_words w;
  const int64_t most = ((int64_t)1 << 32) - 1;
  const char *limbs = vft_build_name(b, "HV%s", axes), *words = vft_build_name(b, "H%s", axes);
  const char *lo = vft_build_name(b, "z%s", axes), *hi = vft_build_name(b, "z+1%s", axes);
  set_sizes(b);
  w.limb = vft_build_tensor(b, VFT_WITNESS, 0, vft_build_name(b, "%s/limb", name), limbs, 0, 0xffff,
                            NULL, no_frac);
  vft_build_range(b, vft_build_name(b, "%s/limb", name), limbs, w.limb, 16, 0);
  w.inverse = vft_build_field(b, VFT_WITNESS, 0, vft_build_name(b, "%s/inverse", name), axes, NULL);
  w.word = vft_build_tensor(b, VFT_VIRTUAL, 0, vft_build_name(b, "%s/word", name), words, 0, most,
                            NULL, no_frac);
  vft_raw_term sum = VFT_RAW2(1, constants->limbs, "V", w.limb, limbs);
  (void)vft_build_relation(b, vft_build_name(b, "%s/word/definition", name), VFT_DEFINE, w.word,
                           words, &sum, 1);
  vft_raw_term whole[3] = {VFT_RAW1(1, x, axes), VFT_RAW1(-1, w.word, lo),
                           VFT_RAW1(-most - 1, w.word, hi)};
  vft_build_field_zero(b, vft_build_name(b, "%s/sum", name), axes, whole, 3);
  vft_raw_term low[3] = {VFT_RAW1(1, w.word, lo), VFT_RAW2(-most, w.word, lo, w.inverse, axes),
                         VFT_RAW3(1, w.word, lo, w.inverse, axes, w.word, hi)};
  vft_build_field_zero(b, vft_build_name(b, "%s/canonical", name), axes, low, 3);
  return w;
}
