#include "recurse/circuit.h"

#include <string.h>

#include "base/mem.h"
#include "hash/blake3.h"

enum { SLOT_CONSTANT, SLOT_SUM };

static bool grow(vft_circuit *c, void **array, uint32_t *cap, uint32_t need, size_t size) {
  if (c->status != VFT_OK) return false;
  if (need <= *cap) return true;
  uint32_t wider = *cap ? *cap : 256;
  while (wider < need) wider *= 2;
  void *fresh = need >> VFT_WIRE_BITS ? NULL : vft_alloc_raw(wider, size);
  if (!fresh) {
    c->status = vft_fail(VFT_RESOURCE, "circuit: out of memory for %u cells", need);
    return false;
  }
  if (*array) memcpy(fresh, *array, *cap * size);
  vft_free(*array);
  *array = fresh;
  *cap = wider;
  return true;
}

static vft_wire add_cell(vft_circuit *c, vft_cell_kind kind, vft_ext v) {
  uint32_t n = c->cells[kind].n;
  if (!grow(c, (void **)&c->cells[kind].value, &c->cells[kind].cap, n + 1, sizeof v)) return 0;
  c->cells[kind].value[n] = v;
  c->cells[kind].n = n + 1;
  return (vft_wire)kind << VFT_WIRE_BITS | n;
}

vft_circuit *vft_circuit_new(void) {
  vft_circuit *c = vft_alloc(1, sizeof *c);
  if (c) (void)vft_circuit_constant(c, VFT_EXT_ZERO);
  return c;
}

void vft_circuit_free(vft_circuit *c) {
  if (!c) return;
  for (int k = 0; k < VFT_CELL_KINDS; k++) vft_free(c->cells[k].value);
  vft_free(c->sum);
  vft_free(c->narrow);
  vft_free(c->rank);
  vft_free(c->sponge);
  vft_free(c->before);
  vft_free(c->split);
  vft_free(c->part);
  vft_free(c->fetch);
  vft_free(c->zero);
  for (int s = 0; s < 2; s++) vft_free(c->slot[s]);
  vft_free(c);
}

vft_ext vft_circuit_value(const vft_circuit *c, vft_wire w) {
  vft_cell_kind kind = vft_wire_kind(w);
  return c->status == VFT_OK ? c->cells[kind].value[vft_wire_number(w)] : VFT_EXT_ZERO;
}

vft_fp vft_circuit_part(const vft_circuit *c, vft_wire_part p) {
  return vft_circuit_value(c, p.wire).c[p.part];
}

/* ---- cells that occur once ---- */

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15ull;
  return h ^ h >> 29;
}

static uint64_t hash_constant(vft_ext v) {
  return mix(mix(mix(1, v.c[0].v), v.c[1].v), v.c[2].v);
}

static uint64_t hash_sum(vft_sum_op o) {
  return mix(mix(2, (uint64_t)o.a << 32 | o.b), o.c);
}

/* The slot of an equal element of the set, or a free one. */
static uint32_t find(const vft_circuit *c, int set, uint64_t hash, const vft_ext *v,
                     const vft_sum_op *op) {
  uint32_t mask = c->slots[set] - 1, at = (uint32_t)(hash >> 8) & mask;
  for (; c->slot[set][at] != UINT32_MAX; at = (at + 1) & mask) {
    uint32_t i = c->slot[set][at];
    if (set == SLOT_CONSTANT ? vft_ext_eq(c->cells[VFT_CELL_CONSTANT].value[i], *v)
                             : !memcmp(&c->sum[i], op, sizeof *op))
      break;
  }
  return at;
}

static bool widen(vft_circuit *c, int set, uint32_t n) {
  if (c->status != VFT_OK) return false;
  if (2 * (n + 1) <= c->slots[set]) return true;
  uint32_t slots = c->slots[set] ? 2 * c->slots[set] : 1024;
  uint32_t *slot = vft_alloc_raw(slots, sizeof *slot);
  if (!slot) {
    c->status = vft_fail(VFT_RESOURCE, "circuit: out of memory for %u cells", n);
    return false;
  }
  memset(slot, 0xff, slots * sizeof *slot);
  vft_free(c->slot[set]);
  c->slot[set] = slot;
  c->slots[set] = slots;
  for (uint32_t i = 0; i < n; i++) {
    const vft_ext *v = set == SLOT_CONSTANT ? &c->cells[VFT_CELL_CONSTANT].value[i] : NULL;
    const vft_sum_op *op = set == SLOT_SUM ? &c->sum[i] : NULL;
    slot[find(c, set, v ? hash_constant(*v) : hash_sum(*op), v, op)] = i;
  }
  return true;
}

vft_wire vft_circuit_constant(vft_circuit *c, vft_ext v) {
  uint32_t n = c->cells[VFT_CELL_CONSTANT].n;
  if (!widen(c, SLOT_CONSTANT, n)) return 0;
  uint32_t at = find(c, SLOT_CONSTANT, hash_constant(v), &v, NULL);
  if (c->slot[SLOT_CONSTANT][at] == UINT32_MAX) {
    (void)add_cell(c, VFT_CELL_CONSTANT, v);
    c->slot[SLOT_CONSTANT][at] = n;
  }
  return (vft_wire)VFT_CELL_CONSTANT << VFT_WIRE_BITS | c->slot[SLOT_CONSTANT][at];
}

bool vft_circuit_is_narrow(const vft_circuit *c, vft_wire w) {
  vft_cell_kind kind = vft_wire_kind(w);
  if (c->status != VFT_OK) return false;
  if (kind == VFT_CELL_SUM) return c->narrow[vft_wire_number(w)];
  if (kind != VFT_CELL_CONSTANT) return kind >= VFT_CELL_NARROW;
  vft_ext v = c->cells[kind].value[vft_wire_number(w)];
  return !v.c[1].v && !v.c[2].v;
}

/* The sum that the wire is, if it is a product alone. */
static const vft_sum_op *product(const vft_circuit *c, vft_wire w) {
  const vft_sum_op *op = vft_wire_kind(w) == VFT_CELL_SUM ? &c->sum[vft_wire_number(w)] : NULL;
  return op && op->c == 0 ? op : NULL;
}

vft_wire vft_circuit_sum(vft_circuit *c, vft_wire a, vft_wire b, vft_wire d) {
  uint32_t n = c->cells[VFT_CELL_SUM].n;
  vft_wire one = vft_circuit_constant(c, VFT_EXT_ONE);
  if (c->status == VFT_OK && (a == one || b == one)) { /* x + d: a product takes the other in */
    vft_wire x = a == one ? b : a;
    const vft_sum_op *op = product(c, x);
    vft_wire rest = d;
    if (!op) {
      op = product(c, d);
      rest = x;
    }
    if (op) {
      a = op->a;
      b = op->b;
      d = rest;
    }
  }
  if (!widen(c, SLOT_SUM, n) || !grow(c, (void **)&c->sum, &c->cap_sum, n + 1, sizeof *c->sum) ||
      !grow(c, (void **)&c->narrow, &c->cap_narrow, n + 1, sizeof *c->narrow) ||
      !grow(c, (void **)&c->rank, &c->cap_rank, n + 1, sizeof *c->rank))
    return 0;
  if (a > b) { /* one order of the factors */
    vft_wire swap = a;
    a = b;
    b = swap;
  }
  vft_sum_op op = {a, b, d};
  uint32_t at = find(c, SLOT_SUM, hash_sum(op), NULL, &op);
  if (c->slot[SLOT_SUM][at] == UINT32_MAX) {
    vft_ext v = vft_ext_mul(vft_circuit_value(c, a), vft_circuit_value(c, b));
    c->sum[n] = op;
    c->narrow[n] = vft_circuit_is_narrow(c, a) && vft_circuit_is_narrow(c, b) &&
                   vft_circuit_is_narrow(c, d);
    c->rank[n] = c->narrow[n] ? c->nnarrow++ : n - c->nnarrow;
    (void)add_cell(c, VFT_CELL_SUM, vft_ext_add(v, vft_circuit_value(c, d)));
    c->slot[SLOT_SUM][at] = n;
  }
  return (vft_wire)VFT_CELL_SUM << VFT_WIRE_BITS | c->slot[SLOT_SUM][at];
}

/* ---- other cells ---- */

vft_wire vft_circuit_input(vft_circuit *c, vft_ext v) {
  if (c->status == VFT_OK && (v.c[1].v || v.c[2].v))
    c->status = vft_fail(VFT_USAGE, "circuit: an input that is not in F");
  return add_cell(c, VFT_CELL_INPUT, v);
}

vft_wire vft_circuit_base(vft_circuit *c, vft_fp v) {
  return add_cell(c, VFT_CELL_BASE, vft_ext_from_fp(v));
}

vft_wire vft_circuit_free_cell(vft_circuit *c, vft_ext v) { return add_cell(c, VFT_CELL_FREE, v); }

void vft_circuit_zero(vft_circuit *c, vft_wire a) {
  if (grow(c, (void **)&c->zero, &c->cap_zero, c->nzero + 1, sizeof a)) c->zero[c->nzero++] = a;
}

/* The coordinate where the machine has it. */
static vft_wire_part readable(vft_circuit *c, vft_wire_part x) {
  if (vft_circuit_is_narrow(c, x.wire)) return x.part ? (vft_wire_part){0, 0} : x;
  if (vft_wire_kind(x.wire) != VFT_CELL_SUM) return x;
  return (vft_wire_part){vft_circuit_take_part(c, x), 0};
}

vft_wire vft_circuit_split(vft_circuit *c, vft_wire_part x) {
  x = readable(c, x);
  if (!grow(c, (void **)&c->split, &c->cap_split, c->nsplit + 1, sizeof x)) return 0;
  c->split[c->nsplit++] = x;
  uint64_t v = vft_circuit_part(c, x).v;
  vft_wire first = 0;
  for (unsigned i = 0; i < VFT_SPLIT_BITS; i++) {
    vft_wire w = add_cell(c, VFT_CELL_BIT, vft_ext_from_fp((vft_fp){v >> i & 1}));
    if (!i) first = w;
  }
  return first;
}

vft_wire vft_circuit_take_part(vft_circuit *c, vft_wire_part x) {
  uint32_t n = c->cells[VFT_CELL_PART].n;
  if (vft_circuit_is_narrow(c, x.wire)) return x.part ? 0 : x.wire;
  if (!grow(c, (void **)&c->part, &c->cap_part, n + 1, sizeof x)) return 0;
  c->part[n] = x;
  return add_cell(c, VFT_CELL_PART, vft_ext_from_fp(vft_circuit_part(c, x)));
}

vft_wire vft_circuit_fetch(vft_circuit *c, vft_wire first, vft_wire index) {
  uint32_t n = c->cells[VFT_CELL_FETCH].n;
  index = readable(c, (vft_wire_part){index, 0}).wire;
  vft_cell_kind kind = vft_wire_kind(first);
  uint64_t at = vft_circuit_value(c, index).c[0].v, most = c->cells[kind].n - vft_wire_number(first);
  if (c->status == VFT_OK &&
      ((kind != VFT_CELL_BASE && kind != VFT_CELL_FREE) || at >= most || at >> 16))
    c->status = vft_fail(VFT_USAGE, "circuit: a cell that is not there is fetched");
  if (!grow(c, (void **)&c->fetch, &c->cap_fetch, n + 1, sizeof *c->fetch)) return 0;
  c->fetch[n] = (vft_fetch_op){first, index};
  return add_cell(c, VFT_CELL_FETCH, vft_circuit_value(c, first + (vft_wire)at));
}

uint32_t vft_circuit_permute(vft_circuit *c, const vft_wire_part lane[VFT_POSEIDON_RATE],
                             const vft_fp capacity[VFT_POSEIDON_CAPACITY], uint32_t after,
                             vft_wire swap) {
  uint32_t n = c->nsponge;
  vft_sponge_op op = {.after = after, .swap = readable(c, (vft_wire_part){swap, 0}).wire};
  bool swaps = !vft_ext_is_zero(vft_circuit_value(c, swap));
  vft_poseidon_state s;
  if (!grow(c, (void **)&c->sponge, &c->cap_sponge, n + 1, sizeof op) ||
      !grow(c, (void **)&c->before, &c->cap_before, n + 1, sizeof s))
    return 0;
  for (int i = 0; i < VFT_POSEIDON_RATE; i++) op.lane[i] = readable(c, lane[i]);
  memcpy(op.capacity, capacity, sizeof op.capacity);
  for (unsigned i = 0; i < VFT_POSEIDON_WIDTH; i++) {
    s.s[i] = i < VFT_POSEIDON_RATE ? vft_circuit_part(c, lane[swaps ? i ^ 4 : i])
                                   : capacity[i - VFT_POSEIDON_RATE];
    if (after != VFT_FRESH) {
      vft_ext last = vft_circuit_value(c, vft_circuit_sponge(after) + i / 3);
      s.s[i] = vft_fp_add(s.s[i], last.c[i % 3]);
    }
  }
  c->sponge[n] = op;
  c->before[n] = s;
  c->nsponge = n + 1;
  vft_poseidon_permute(&s, 1);
  for (unsigned k = 0; k < VFT_SPONGE_CELLS; k++)
    (void)add_cell(c, VFT_CELL_SPONGE, (vft_ext){{s.s[3 * k], s.s[3 * k + 1], s.s[3 * k + 2]}});
  return n;
}

bool vft_circuit_holds(const vft_circuit *c) {
  for (uint32_t i = 0; i < c->nzero; i++)
    if (!vft_ext_is_zero(vft_circuit_value(c, c->zero[i]))) return false;
  return c->status == VFT_OK;
}

void vft_circuit_print(const vft_circuit *c, FILE *out) {
  fprintf(out, "constants %u, inputs %u, base %u, free %u, splits %u, parts %u, fetches %u, "
          "permutations %u, narrow sums %u, sums %u, zeros %u\n", c->cells[VFT_CELL_CONSTANT].n,
          c->cells[VFT_CELL_INPUT].n, c->cells[VFT_CELL_BASE].n, c->cells[VFT_CELL_FREE].n,
          c->nsplit, c->cells[VFT_CELL_PART].n, c->cells[VFT_CELL_FETCH].n, c->nsponge,
          c->nnarrow, c->cells[VFT_CELL_SUM].n - c->nnarrow, c->nzero);
}

/* ---- digest ---- */

static void put(vft_blake3 *h, uint64_t x) {
  uint8_t b[8];
  for (int i = 0; i < 8; i++) b[i] = (uint8_t)(x >> (8 * i));
  vft_blake3_update(h, b, sizeof b);
}

void vft_circuit_digest(const vft_circuit *c, uint8_t digest[32]) {
  static const char domain[] = "vft circuit 2";
  vft_blake3 h;
  vft_blake3_init(&h);
  vft_blake3_update(&h, domain, sizeof domain);
  for (int k = 0; k < VFT_CELL_KINDS; k++) put(&h, c->cells[k].n);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_CONSTANT].n; i++)
    for (int k = 0; k < 3; k++) put(&h, c->cells[VFT_CELL_CONSTANT].value[i].c[k].v);
  put(&h, c->nnarrow);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_SUM].n; i++) {
    put(&h, c->sum[i].a);
    put(&h, (uint64_t)c->sum[i].b << 32 | c->sum[i].c);
  }
  for (uint32_t i = 0; i < c->nsponge; i++) {
    for (int k = 0; k < VFT_POSEIDON_RATE; k++)
      put(&h, (uint64_t)c->sponge[i].lane[k].part << 32 | c->sponge[i].lane[k].wire);
    for (int k = 0; k < VFT_POSEIDON_CAPACITY; k++) put(&h, c->sponge[i].capacity[k].v);
    put(&h, (uint64_t)c->sponge[i].swap << 32 | c->sponge[i].after);
  }
  put(&h, c->nsplit);
  for (uint32_t i = 0; i < c->nsplit; i++)
    put(&h, (uint64_t)c->split[i].part << 32 | c->split[i].wire);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_PART].n; i++)
    put(&h, (uint64_t)c->part[i].part << 32 | c->part[i].wire);
  for (uint32_t i = 0; i < c->cells[VFT_CELL_FETCH].n; i++)
    put(&h, (uint64_t)c->fetch[i].first << 32 | c->fetch[i].index);
  put(&h, c->nzero);
  for (uint32_t i = 0; i < c->nzero; i++) put(&h, c->zero[i]);
  vft_blake3_final(&h, digest, 32);
}
