/* Queries and opened columns on wires (argument/whir_columns.h): every drawn position has its own
 * column and its own path up to the root, so that the circuit does not depend on which are equal
 * or share nodes. */
#include "argument/whir_columns.h"

#include <string.h>

#include "base/mem.h"
#include "hash/poseidon.h"
#include "merkle/path.h"
#include "recurse/paths.h"
#include "recurse/recorder.h"
#include "recurse/wires/channel.h"

vft_status vft_whir_draw(vft_channel *ch, vft_whir_queries *q, size_t n, unsigned log_n) {
  q->n = q->opened = n;
  q->drawn = vft_alloc(n, sizeof *q->drawn);
  q->index = vft_alloc(n, sizeof *q->index);
  q->distinct = vft_alloc(n, sizeof *q->distinct);
  q->place = vft_alloc(n, sizeof *q->place);
  if (!q->drawn || !q->index || !q->distinct || !q->place) return VFT_RESOURCE;
  vft_channel_challenge_indices(ch, "whir/queries", q->drawn, n, log_n);
  for (size_t i = 0; i < n; i++) {
    q->index[i] = q->drawn[i].index;
    q->place[i] = (uint32_t)i;
  }
  return VFT_OK;
}

void vft_whir_queries_free(vft_whir_queries *q) {
  vft_free(q->drawn);
  vft_free(q->index);
  vft_free(q->distinct);
  vft_free(q->place);
  memset(q, 0, sizeof *q);
}

static vft_fp bit_of(const vft_query *q, unsigned b) {
  return vft_fp_of_wire(q->bit + b, q->index >> b & 1);
}

/* Bit b of the position multiplies by the root of order 2^(b + 1) (poly/rs.h). */
vft_fp vft_whir_point(const vft_whir_queries *q, size_t i, unsigned log_n) {
  vft_fp x = {.v = 1};
  for (unsigned b = 0; b < log_n; b++) {
    vft_fp step = vft_fp_sub(vft_fp_root(b + 1), (vft_fp){.v = 1});
    x = vft_fp_mul(x, vft_fp_add((vft_fp){.v = 1}, vft_fp_mul(bit_of(&q->drawn[i], b), step)));
  }
  return x;
}

/* A digest as two cells: elements 0, 1, 2 and element 3 with two more coordinates of no interest. */
typedef struct {
  vft_ext e[2];
} node;

static node node_of(const vft_poseidon_state *s) {
  return (node){{{{s->s[0], s->s[1], s->s[2]}}, {{s->s[3], s->s[4], s->s[5]}}}};
}

static node hash_column(const vft_fp *column, size_t words, unsigned log_n) {
  vft_poseidon_state s;
  memset(&s, 0, sizeof s);
  s.s[VFT_POSEIDON_RATE] = vft_fp_from_u64(words);
  s.s[VFT_POSEIDON_RATE + 2] = vft_fp_from_u64(vft_merkle_domain(log_n));
  for (size_t i = 0; i < words; i += VFT_POSEIDON_RATE) {
    for (size_t k = 0; k < VFT_POSEIDON_RATE && i + k < words; k++)
      s.s[k] = vft_fp_add(s.s[k], column[i + k]);
    vft_poseidon_permute(&s, 1);
  }
  return node_of(&s);
}

/* The state of the pair, before the permutation. */
static vft_poseidon_state pair_state(const vft_ext left[2], const vft_ext right[2]) {
  vft_poseidon_state s;
  memset(&s, 0, sizeof s);
  for (int k = 0; k < 4; k++) {
    s.s[k] = left[k / 3].c[k % 3];
    s.s[4 + k] = right[k / 3].c[k % 3];
  }
  s.s[9] = vft_fp_from_u64(1);
  return s;
}

static node hash_pair(const vft_ext left[2], const vft_ext right[2]) {
  vft_poseidon_state s = pair_state(left, right);
  vft_poseidon_permute(&s, 1);
  return node_of(&s);
}

/* The pair is (me, sibling), or exchanged if the bit is set. */
static node climb(const node *me, const uint64_t sibling[4], vft_fp bit) {
  const uint64_t value[2][3] = {{sibling[0], sibling[1], sibling[2]}, {sibling[3], 0, 0}};
  vft_ext other[2];
  for (int k = 0; k < 2; k++) other[k] = vft_ext_of_wire(vft_record_free(value[k]), value[k]);
  vft_poseidon_state s = pair_state(me->e, other);
  vft_poseidon_permute_swapped(&s, bit);
  return node_of(&s);
}

static int same_digest(const node *n, const vft_fp e[4]) {
  int equal = 1;
  for (int k = 0; k < 4; k++) equal &= vft_fp_eq(n->e[k / 3].c[k % 3], e[k]);
  return equal;
}

/* The cap as cells: elements 0, 1, 2 of all nodes, one after the other, and then elements 3. */
typedef struct {
  unsigned log;
  uint32_t low, high;
} cap_cells;

/* Makes the cells and hashes them to the root. */
static vft_status receive_cap(const uint64_t (*value)[4], unsigned log, const vft_digest *root,
                              cap_cells *cap) {
  vft_status st = VFT_OK;
  size_t n = (size_t)1 << log;
  node *at = vft_alloc(n, sizeof *at);
  if (!at) return VFT_RESOURCE;
  cap->log = log;
  for (size_t i = 0; i < n; i++) {
    uint32_t w = vft_record_free(value[i]);
    if (!i) cap->low = w;
    at[i].e[0] = vft_ext_of_wire(w, value[i]);
  }
  for (size_t i = 0; i < n; i++) {
    uint32_t w = vft_record_base(value[i][3]);
    if (!i) cap->high = w;
    at[i].e[1] = vft_ext_from_fp(vft_fp_of_wire(w, value[i][3]));
  }
  for (; n > 1; n /= 2)
    for (size_t i = 0; i < n / 2; i++) at[i] = hash_pair(at[2 * i].e, at[2 * i + 1].e);
  if (!same_digest(&at[0], root->e))
    st = vft_reject("merkle/root", "opening: the columns do not hash to the committed root");
  vft_free(at);
  return st;
}

/* Whether the node is that of the cap above the drawn position. */
static int in_cap(const node *n, const cap_cells *cap, const vft_query *q, unsigned top) {
  vft_fp index = {.v = 0};
  uint64_t low[3], high[3];
  for (unsigned b = 0; b < cap->log; b++)
    index = vft_fp_add(index, vft_fp_mul(bit_of(q, top + b), (vft_fp){.v = (uint64_t)1 << b}));
  uint32_t at = vft_wire_of_fp(index);
  uint32_t first = vft_record_fetch(cap->low, at, low), last = vft_record_fetch(cap->high, at, high);
  int equal = vft_ext_eq(n->e[0], vft_ext_of_wire(first, low));
  return vft_fp_eq(n->e[1].c[0], vft_fp_of_wire(last, high[0])) && equal;
}

static void column_cells(const uint64_t *value, size_t words, bool ext, vft_fp *out) {
  for (size_t i = 0; i < words; i += ext ? 3 : 1) {
    if (ext) {
      vft_ext x = vft_ext_of_wire(vft_record_free(value + i), value + i);
      memcpy(out + i, x.c, sizeof x.c);
    } else {
      out[i] = vft_fp_of_wire(vft_record_base(value[i]), value[i]);
    }
  }
}

vft_status vft_whir_columns(vft_channel *ch, const vft_whir_queries *q, const vft_merkle *from,
                            const vft_digest *root, unsigned log_n, size_t words, bool ext,
                            bool salted, vft_fp *columns) {
  (void)from;
  if (salted) vft_record_fail("a salted tree");
  vft_status st = VFT_OK;
  size_t n = q->n;
  memcpy(q->distinct, q->index, n * sizeof *q->index);
  size_t distinct = vft_merkle_sort_positions(q->distinct, n);
  unsigned log_cap = vft_merkle_log_cap(VFT_HASH_POSEIDON, n, log_n), top = log_n - log_cap;
  size_t siblings = vft_merkle_sibling_count(q->distinct, distinct, log_n, log_cap);
  uint64_t *value = vft_alloc(distinct * words, sizeof *value);
  uint64_t(*sibling)[4] = vft_alloc(siblings, sizeof *sibling);
  uint64_t(*path)[4] = vft_alloc(distinct * top, sizeof *path);
  uint64_t(*cap)[4] = vft_alloc((size_t)1 << log_cap, sizeof *cap);
  cap_cells cells;
  if (!value || !sibling || !path || !cap) {
    st = VFT_RESOURCE;
    goto out;
  }
  TRY_OUT(vft_channel_take(ch, "opening", distinct * words, value));
  TRY_OUT(vft_channel_take(ch, "opening", siblings * 4, siblings ? sibling[0] : NULL));
  TRY_OUT(vft_expand_paths(log_n, log_cap, words, q->distinct, distinct, value,
                           (const uint64_t(*)[4])sibling, path, cap));
  TRY_OUT(receive_cap((const uint64_t(*)[4])cap, log_cap, root, &cells));
  for (size_t i = 0; i < n; i++) {
    size_t k = 0;
    while (q->distinct[k] != q->index[i]) k++;
    vft_fp *column = columns + i * words;
    column_cells(value + k * words, words, ext, column);
    node at = hash_column(column, words, log_n);
    for (unsigned h = 0; h < top; h++)
      at = climb(&at, path[k * top + h], bit_of(&q->drawn[i], h));
    if (!in_cap(&at, &cells, &q->drawn[i], top)) {
      st = vft_reject("merkle/root", "opening: the columns do not hash to the committed root");
      goto out;
    }
  }
out:
  vft_free(value);
  vft_free(sibling);
  vft_free(path);
  vft_free(cap);
  return st;
}
