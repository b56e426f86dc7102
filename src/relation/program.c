/* Building tensor programs: every add validates what it can see by itself (ids, ranks, sizes,
 * index usage), copies it into the arena and returns its id. What needs the whole program
 * (bounds, coverage, cycles) is checked in bounds.c. */
#include "relation/program.h"

#include <string.h>

#include "relation/program_index.h"

enum { FIRST_CAPACITY = 16 };
/* Less where a size_t is shorter. */
#define MAX_ELEMENTS (SIZE_MAX >> 24 >> 24 ? (uint64_t)1 << 40 : SIZE_MAX)

/* ---- names ---- */

/* FNV-1a: speed only, collisions are resolved by comparing the names. */
static uint64_t hash_name(char kind, const char *name) {
  uint64_t h = (0xcbf29ce484222325ull ^ (uint8_t)kind) * 0x100000001b3ull;
  for (; *name; name++) h = (h ^ (uint8_t)*name) * 0x100000001b3ull;
  return h;
}

static vft_name_slot *find_slot(const vft_program *p, char kind, const char *name) {
  const struct vft_program_index *x = p->index;
  uint64_t mask = x->slots - 1;
  for (uint64_t i = hash_name(kind, name) & mask;; i = (i + 1) & mask) {
    vft_name_slot *s = &x->slot[i];
    if (!s->name || (s->kind == kind && !strcmp(s->name, name))) return s;
  }
}

static bool grow_names(vft_program *p) {
  struct vft_program_index *x = p->index;
  if (2 * (x->used + 1) <= x->slots) return true;
  size_t old_slots = x->slots;
  vft_name_slot *old = x->slot;
  vft_name_slot *fresh = vft_arena_alloc(&p->arena, 2 * old_slots, sizeof *fresh);
  if (!fresh) return false;
  x->slot = fresh;
  x->slots = 2 * old_slots;
  for (size_t i = 0; i < old_slots; i++)
    if (old[i].name) *find_slot(p, old[i].kind, old[i].name) = old[i];
  return true;
}

static uint32_t find_name(const vft_program *p, char kind, const char *name) {
  if (!name) return UINT32_MAX;
  const vft_name_slot *s = find_slot(p, kind, name);
  return s->name ? s->id : UINT32_MAX;
}

static const char *kind_word(char kind) {
  switch (kind) {
    case 't': return "tensor";
    case 'r': return "relation";
    case 'l': return "lookup";
    case 'f': return "table";
    case 'k': return "link";
    default: return "oracle";
  }
}

/* Names are printable ASCII without blanks, so that ids in messages and digests are unambiguous. */
static bool name_ok(const vft_program *p, char kind, const char *name) {
  if (!name || !*name) {
    (void)vft_fail(VFT_USAGE, "program %s: a %s has no name", p->name, kind_word(kind));
    return false;
  }
  for (const char *c = name; *c; c++)
    if (*c <= ' ' || *c > '~') {
      (void)vft_fail(VFT_USAGE, "program %s: %s name '%s' has a character outside '!'..'~'",
                     p->name, kind_word(kind), name);
      return false;
    }
  if (find_name(p, kind, name) != UINT32_MAX) {
    (void)vft_fail(VFT_USAGE, "program %s: two %ss are named '%s'", p->name, kind_word(kind), name);
    return false;
  }
  return true;
}

/* Copies the name and files it under id; NULL when out of memory. */
static const char *file_name(vft_program *p, char kind, const char *name, uint32_t id) {
  if (!grow_names(p)) return NULL;
  char *copy = vft_arena_strdup(&p->arena, name);
  if (!copy) return NULL;
  *find_slot(p, kind, copy) = (vft_name_slot){copy, id, kind};
  p->index->used++;
  return copy;
}

/* Makes room for one more element of a doubling arena array. */
static bool reserve(vft_program *p, void **array, uint32_t n, uint32_t *cap, size_t size) {
  if (n < *cap) return true;
  if (n >= UINT32_MAX / 4) return false;
  uint32_t want = *cap ? 2 * *cap : FIRST_CAPACITY;
  void *fresh = vft_arena_alloc(&p->arena, want, size);
  if (!fresh) return false;
  if (n) memcpy(fresh, *array, (size_t)n * size);
  *array = fresh;
  *cap = want;
  return true;
}

#define RESERVE(p, array, n, cap) \
  reserve(p, (void **)&(p)->array, (p)->n, &(p)->index->cap, sizeof *(p)->array)

/* ---- program ---- */

vft_program *vft_program_new(const char *name, uint32_t log_columns) {
  if (!name || !*name || log_columns < 1 || log_columns > 30) {
    (void)vft_fail(VFT_USAGE, "a program needs a name and 1 <= log_columns <= 30 (got %u)",
                   log_columns);
    return NULL;
  }
  vft_arena arena = {NULL};
  vft_program *p = vft_arena_alloc(&arena, 1, sizeof *p);
  struct vft_program_index *x = vft_arena_alloc(&arena, 1, sizeof *x);
  vft_name_slot *slot = vft_arena_alloc(&arena, 64, sizeof *slot);
  char *copy = vft_arena_strdup(&arena, name);
  if (!p || !x || !slot || !copy) {
    vft_arena_free(&arena);
    return NULL;
  }
  x->slot = slot;
  x->slots = 64;
  p->index = x;
  p->name = copy;
  p->log_columns = log_columns;
  p->arena = arena; /* last: the arena's head now lists every block */
  return p;
}

void vft_program_free(vft_program *program) {
  if (!program) return;
  vft_arena arena = program->arena; /* program itself lives in it */
  vft_arena_free(&arena);
}

size_t vft_tensor_count(const vft_tensor *tensor) {
  size_t n = 1;
  for (uint32_t a = 0; a < tensor->rank; a++) n *= tensor->dims[a];
  return n;
}

vft_tensor_id vft_program_find_tensor(const vft_program *program, const char *name) {
  return find_name(program, 't', name);
}

uint32_t vft_program_definition(const vft_program *program, vft_tensor_id id) {
  return id < program->ntensors ? program->index->definition[id] : UINT32_MAX;
}

static uint32_t add_group(vft_program *p, char kind, const char *name) {
  bool link = kind == 'k';
  uint32_t id = link ? p->nlinks : p->noracles;
  if (!name_ok(p, kind, name)) return UINT32_MAX;
  bool room = link ? RESERVE(p, link_names, nlinks, cap_links) &&
                         reserve(p, (void **)&p->link_output, p->nlinks, &p->index->cap_outputs,
                                 sizeof *p->link_output)
                   : RESERVE(p, oracle_names, noracles, cap_oracles);
  const char *copy = room ? file_name(p, kind, name, id) : NULL;
  if (!copy) return UINT32_MAX;
  if (link)
    p->link_names[p->nlinks++] = copy;
  else
    p->oracle_names[p->noracles++] = copy;
  return id;
}

uint32_t vft_program_add_link(vft_program *program, const char *name, bool is_output) {
  uint32_t id = add_group(program, 'k', name);
  if (id != UINT32_MAX) program->link_output[id] = is_output;
  return id;
}

uint32_t vft_program_add_oracle(vft_program *program, const char *name) {
  return add_group(program, 'o', name);
}

/* ---- tensors ---- */

static bool bounds_ok(int64_t lo, int64_t hi) {
  const int64_t limit = (int64_t)1 << 62;
  return lo <= hi && lo > -limit && hi < limit;
}

int64_t vft_field_signed(vft_fp x) {
  return x.v <= VFT_P / 2 ? (int64_t)x.v : (int64_t)(x.v - VFT_P); /* modulo 2^64 */
}

static vft_status check_tensor(const vft_program *p, const vft_tensor *t) {
  if (!name_ok(p, 't', t->name)) return VFT_USAGE;
  if (t->origin > VFT_PUBLIC)
    return vft_fail(VFT_USAGE, "tensor %s: unknown origin %d", t->name, (int)t->origin);
  uint32_t groups = t->origin == VFT_LINK     ? p->nlinks
                    : t->origin == VFT_ORACLE ? p->noracles
                                              : 1;
  if (t->group >= groups)
    return vft_fail(VFT_USAGE, "tensor %s: group %u of %u", t->name, t->group, groups);
  if (t->rank > VFT_MAX_RANK)
    return vft_fail(VFT_USAGE, "tensor %s: rank %u, at most %d", t->name, t->rank, VFT_MAX_RANK);
  size_t n = 1;
  for (uint32_t a = 0; a < t->rank; a++) {
    if (!t->dims[a]) return vft_fail(VFT_USAGE, "tensor %s: axis %u is empty", t->name, a);
    if (n > MAX_ELEMENTS / t->dims[a])
      return vft_fail(VFT_USAGE, "tensor %s: more than 2^40 elements", t->name);
    n *= t->dims[a];
  }
  if (t->field && (t->lo || t->hi))
    return vft_fail(VFT_USAGE, "tensor %s: field elements have no bounds", t->name);
  if (!bounds_ok(t->lo, t->hi))
    return vft_fail(VFT_USAGE, "tensor %s: bounds [%lld, %lld] are empty or reach 2^62", t->name,
                    (long long)t->lo, (long long)t->hi);
  if (t->values && t->origin != VFT_PUBLIC)
    return vft_fail(VFT_USAGE, "tensor %s: only PUBLIC tensors carry values", t->name);
  for (size_t i = 0; t->values && t->field && i < n; i++)
    if (t->values[i] != vft_field_signed(vft_fp_from_i64(t->values[i])))
      return vft_fail(VFT_USAGE, "tensor %s: element %zu is not the residue nearest to 0", t->name,
                      i);
  for (size_t i = 0; t->values && !t->field && i < n; i++)
    if (t->values[i] < t->lo || t->values[i] > t->hi)
      return vft_fail(VFT_USAGE, "tensor %s: element %zu = %lld is outside [%lld, %lld]", t->name,
                      i, (long long)t->values[i], (long long)t->lo, (long long)t->hi);
  return VFT_OK;
}

vft_tensor_id vft_program_add_tensor(vft_program *program, const vft_tensor *tensor) {
  vft_program *p = program;
  if (check_tensor(p, tensor) != VFT_OK) return VFT_NO_TENSOR;
  uint32_t id = p->ntensors;
  if (!RESERVE(p, tensors, ntensors, cap_tensors) ||
      !reserve(p, (void **)&p->index->definition, id, &p->index->cap_definitions,
               sizeof *p->index->definition))
    return VFT_NO_TENSOR;
  vft_tensor t = *tensor;
  for (uint32_t a = t.rank; a < VFT_MAX_RANK; a++) t.dims[a] = 0;
  if (t.values) {
    size_t n = vft_tensor_count(&t);
    int64_t *copy = vft_arena_alloc(&p->arena, n, sizeof *copy);
    if (!copy) return VFT_NO_TENSOR;
    memcpy(copy, t.values, n * sizeof *copy);
    t.values = copy;
  }
  t.name = file_name(p, 't', t.name, id);
  if (!t.name) return VFT_NO_TENSOR;
  p->tensors[id] = t;
  p->index->definition[id] = UINT32_MAX;
  p->ntensors++;
  return id;
}

/* ---- terms ---- */

static vft_status check_factor(const vft_program *p, const char *what, const vft_factor *f,
                               uint32_t nindex, const uint32_t *size) {
  if (f->tensor >= p->ntensors)
    return vft_fail(VFT_USAGE, "%s: tensor id %u of %u", what, f->tensor, p->ntensors);
  const vft_tensor *t = &p->tensors[f->tensor];
  uint32_t seen = 0;
  for (uint32_t a = 0; a < t->rank; a++) {
    uint32_t v = f->idx[a];
    if (v >= nindex)
      return vft_fail(VFT_USAGE, "%s: axis %u of %s uses index %u of %u", what, a, t->name, v,
                      nindex);
    if (seen >> v & 1)
      return vft_fail(VFT_USAGE, "%s: index %u occurs twice in the factor %s", what, v, t->name);
    seen |= 1u << v;
    if ((uint64_t)f->off[a] + size[v] > t->dims[a])
      return vft_fail(VFT_USAGE, "%s: axis %u of %s: offset %u + size %u exceeds %u", what, a,
                      t->name, f->off[a], size[v], t->dims[a]);
  }
  return VFT_OK;
}

static vft_status check_sizes(const char *what, uint32_t nindex, const uint32_t *size) {
  if (nindex > VFT_MAX_INDEX)
    return vft_fail(VFT_USAGE, "%s: %u index variables, at most %d", what, nindex, VFT_MAX_INDEX);
  uint64_t n = 1;
  for (uint32_t v = 0; v < nindex; v++) {
    if (!size[v]) return vft_fail(VFT_USAGE, "%s: index %u has size 0", what, v);
    if (n > MAX_ELEMENTS * 1024 / size[v])
      return vft_fail(VFT_USAGE, "%s: more than 2^50 points", what);
    n *= size[v];
  }
  return VFT_OK;
}

static vft_status check_term(const vft_program *p, const char *what, const vft_term *t,
                             uint32_t nindex, const uint32_t *size, bool linear) {
  if (!bounds_ok(t->coef, t->coef))
    return vft_fail(VFT_USAGE, "%s: coefficient %lld reaches 2^62", what, (long long)t->coef);
  if (t->nfactors > VFT_MAX_FACTORS)
    return vft_fail(VFT_USAGE, "%s: a product of %u factors, at most %d", what, t->nfactors,
                    VFT_MAX_FACTORS);
  uint32_t variable = 0;
  for (uint32_t k = 0; k < t->nfactors; k++) {
    TRY(check_factor(p, what, &t->factor[k], nindex, size));
    variable += p->tensors[t->factor[k].tensor].origin != VFT_PUBLIC;
  }
  if (linear && variable > 1)
    return vft_fail(VFT_USAGE, "%s: not linear: a term has %u non-public factors", what, variable);
  if (t->lemma && linear) return vft_fail(VFT_USAGE, "%s: a lookup cannot declare a lemma", what);
  if (t->lemma && !*t->lemma)
    return vft_fail(VFT_USAGE, "%s: a declared lemma needs its written proof", what);
  if (t->lemma && !bounds_ok(t->lemma_lo, t->lemma_hi))
    return vft_fail(VFT_USAGE, "%s: lemma bounds [%lld, %lld] are empty or reach 2^62", what,
                    (long long)t->lemma_lo, (long long)t->lemma_hi);
  return VFT_OK;
}

/* Copies terms with everything unused zeroed, so that equal programs have equal bytes. */
static vft_term *copy_terms(vft_program *p, const vft_term *from, uint32_t n) {
  vft_term *terms = vft_arena_alloc(&p->arena, n, sizeof *terms);
  if (!terms) return NULL;
  for (uint32_t i = 0; i < n; i++) {
    vft_term *t = &terms[i];
    t->coef = from[i].coef;
    t->nfactors = from[i].nfactors;
    for (uint32_t k = 0; k < t->nfactors; k++) {
      uint32_t rank = p->tensors[from[i].factor[k].tensor].rank;
      t->factor[k].tensor = from[i].factor[k].tensor;
      memcpy(t->factor[k].idx, from[i].factor[k].idx, rank * sizeof *t->factor[k].idx);
      memcpy(t->factor[k].off, from[i].factor[k].off, rank * sizeof *t->factor[k].off);
    }
    if (from[i].lemma) {
      t->lemma = vft_arena_strdup(&p->arena, from[i].lemma);
      if (!t->lemma) return NULL;
      t->lemma_lo = from[i].lemma_lo;
      t->lemma_hi = from[i].lemma_hi;
    }
  }
  return terms;
}

/* ---- relations ---- */

static vft_status check_relation(const vft_program *p, const vft_relation *r) {
  if (!name_ok(p, 'r', r->name)) return VFT_USAGE;
  if (r->kind > VFT_DEFINE)
    return vft_fail(VFT_USAGE, "relation %s: unknown kind %d", r->name, (int)r->kind);
  TRY(check_sizes(r->name, r->nindex, r->size));
  if (r->nfree > r->nindex)
    return vft_fail(VFT_USAGE, "relation %s: %u free of %u indices", r->name, r->nfree, r->nindex);
  if (!r->nterms && r->kind == VFT_ZERO)
    return vft_fail(VFT_USAGE, "relation %s says nothing: it has no terms", r->name);
  for (uint32_t i = 0; i < r->nterms; i++) {
    const vft_term *t = &r->terms[i];
    TRY(check_term(p, r->name, t, r->nindex, r->size, false));
    if (r->field && t->lemma)
      return vft_fail(VFT_USAGE, "%s: a relation modulo p has no lemmas", r->name);
    for (uint32_t k = 0; !r->field && k < t->nfactors; k++)
      if (p->tensors[t->factor[k].tensor].field)
        return vft_fail(VFT_USAGE, "%s: a relation of integers uses the field elements %s", r->name,
                        p->tensors[t->factor[k].tensor].name);
  }
  if (r->kind != VFT_DEFINE) return VFT_OK;

  if (r->target >= p->ntensors || p->tensors[r->target].origin != VFT_VIRTUAL)
    return vft_fail(VFT_USAGE, "relation %s: the target must be a VIRTUAL tensor", r->name);
  const vft_tensor *t = &p->tensors[r->target];
  if (t->field != r->field)
    return vft_fail(VFT_USAGE, "relation %s: %s is %s, the relation %s", r->name, t->name,
                    t->field ? "of field elements" : "of integers",
                    r->field ? "modulo p" : "over the integers");
  if (p->index->definition[r->target] != UINT32_MAX)
    return vft_fail(VFT_USAGE, "relation %s: tensor %s is already defined by %s", r->name, t->name,
                    p->relations[p->index->definition[r->target]].name);
  bool same = r->nfree == t->rank;
  for (uint32_t a = 0; same && a < t->rank; a++) same = r->size[a] == t->dims[a];
  if (!same)
    return vft_fail(VFT_USAGE, "relation %s: the free indices are not the axes of %s", r->name,
                    t->name);
  return VFT_OK;
}

uint32_t vft_program_add_relation(vft_program *program, const vft_relation *relation) {
  vft_program *p = program;
  if (check_relation(p, relation) != VFT_OK) return UINT32_MAX;
  uint32_t id = p->nrelations;
  if (!RESERVE(p, relations, nrelations, cap_relations)) return UINT32_MAX;
  vft_relation r = *relation;
  for (uint32_t v = r.nindex; v < VFT_MAX_INDEX; v++) r.size[v] = 0;
  if (r.kind == VFT_ZERO) r.target = VFT_NO_TENSOR;
  r.terms = copy_terms(p, relation->terms, r.nterms);
  r.name = r.terms ? file_name(p, 'r', r.name, id) : NULL;
  if (!r.name) return UINT32_MAX;
  p->relations[id] = r;
  p->nrelations++;
  if (r.kind == VFT_DEFINE) p->index->definition[r.target] = id;
  return id;
}

/* ---- lookups and tables ---- */

static vft_status check_column(const vft_program *p, const vft_lookup *l, int c,
                               const vft_term *t) {
  for (uint32_t k = 0; c < 2 && k < t->nfactors; k++)
    if (p->tensors[t->factor[k].tensor].field)
      return vft_fail(VFT_USAGE, "lookup %s: column %d uses the field elements %s", l->name, c,
                      p->tensors[t->factor[k].tensor].name);
  return VFT_OK;
}

uint32_t vft_program_add_lookup(vft_program *program, const vft_lookup *lookup) {
  vft_program *p = program;
  vft_lookup l = *lookup;
  if (!name_ok(p, 'l', l.name)) return UINT32_MAX;
  if (check_sizes(l.name, l.nindex, l.size) != VFT_OK) return UINT32_MAX;
  for (int c = 0; c < VFT_LOOKUP_COLS; c++)
    for (uint32_t i = 0; i < l.col[c].nterms; i++)
      if (check_term(p, l.name, &l.col[c].terms[i], l.nindex, l.size, true) != VFT_OK ||
          check_column(p, &l, c, &l.col[c].terms[i]) != VFT_OK)
        return UINT32_MAX;
  uint32_t id = p->nlookups;
  if (!RESERVE(p, lookups, nlookups, cap_lookups)) return UINT32_MAX;
  for (uint32_t v = l.nindex; v < VFT_MAX_INDEX; v++) l.size[v] = 0;
  for (int c = 0; c < VFT_LOOKUP_COLS; c++) {
    l.col[c].terms = copy_terms(p, lookup->col[c].terms, l.col[c].nterms);
    if (!l.col[c].terms) return UINT32_MAX;
  }
  l.name = file_name(p, 'l', l.name, id);
  if (!l.name) return UINT32_MAX;
  p->lookups[id] = l;
  p->nlookups++;
  return id;
}

static vft_status check_table(const vft_program *p, const vft_table *t) {
  if (!name_ok(p, 'f', t->name)) return VFT_USAGE;
  if (t->kind > VFT_TABLE_FUNCTION)
    return vft_fail(VFT_USAGE, "table %s: unknown kind %d", t->name, (int)t->kind);
  bool range = t->kind == VFT_TABLE_RANGE;
  size_t rows = t->rows;
  if (range ? rows != 2u << VFT_MAX_RANGE_BITS : !rows || rows > 1u << 30)
    return vft_fail(VFT_USAGE, "table %s: %zu rows (RANGE has 2^17, FUNCTION 1 to 2^30)", t->name,
                    rows);
  if (!range) {
    if (t->tag < VFT_TAG_FIRST_FUNCTION || !bounds_ok(t->tag, t->tag))
      return vft_fail(VFT_USAGE, "table %s: tag %lld, function tables start at %d", t->name,
                      (long long)t->tag, VFT_TAG_FIRST_FUNCTION);
    if (!bounds_ok(t->first, t->first) || t->first >= ((int64_t)1 << 62) - (int64_t)rows)
      return vft_fail(VFT_USAGE, "table %s: the first row's value reaches 2^62", t->name);
  }
  for (uint32_t i = 0; i < p->ntables; i++) {
    const vft_table *o = &p->tables[i];
    bool apart = o->first + (int64_t)o->rows <= t->first || t->first + (int64_t)rows <= o->first;
    if (o->kind == t->kind && (range || (o->tag == t->tag && !apart)))
      return vft_fail(VFT_USAGE, "tables %s and %s provide the same rows", o->name, t->name);
    if (o->mult == t->mult)
      return vft_fail(VFT_USAGE, "tables %s and %s share the multiplicities", o->name, t->name);
  }
  for (int c = 0; c < VFT_TABLE_OUTS && !range; c++) {
    if (t->out[c] == VFT_NO_TENSOR) continue;
    const vft_tensor *o = t->out[c] < p->ntensors ? &p->tensors[t->out[c]] : NULL;
    bool list = o && (o->origin == VFT_WITNESS || o->origin == VFT_LINK);
    if (!o || o->rank != 1 || o->dims[0] != rows ||
        !(list || o->origin == VFT_ORACLE || (o->origin == VFT_PUBLIC && o->values)))
      return vft_fail(VFT_USAGE,
                      "table %s: output %d must be an ORACLE, constant PUBLIC, WITNESS or LINK "
                      "tensor of %zu elements",
                      t->name, c + 1, rows);
  }
  const vft_tensor *m = t->mult < p->ntensors ? &p->tensors[t->mult] : NULL;
  if (!m || m->origin != VFT_WITNESS || m->rank != 1 || m->dims[0] != rows || m->lo != 0)
    return vft_fail(VFT_USAGE,
                    "table %s: the multiplicities must be a WITNESS tensor of %zu elements from 0",
                    t->name, rows);
  return VFT_OK;
}

uint32_t vft_program_add_table(vft_program *program, const vft_table *table) {
  vft_program *p = program;
  vft_table t = *table;
  if (t.kind == VFT_TABLE_RANGE) { /* fields without a meaning have one value */
    t.tag = t.first = 0;
    for (int c = 0; c < VFT_TABLE_OUTS; c++) t.out[c] = VFT_NO_TENSOR;
  }
  if (check_table(p, &t) != VFT_OK) return UINT32_MAX;
  uint32_t id = p->ntables;
  if (!RESERVE(p, tables, ntables, cap_tables)) return UINT32_MAX;
  t.name = file_name(p, 'f', t.name, id);
  if (!t.name) return UINT32_MAX;
  p->tables[id] = t;
  p->ntables++;
  return id;
}

/* ---- order of definitions ---- */

/* Kahn's algorithm by ids: a tensor is ready when every virtual tensor its definition uses has
 * been placed. Passes over the remaining ids are few because builders declare in order. */
vft_status vft_program_virtual_order(const vft_program *program, vft_tensor_id *order,
                                     uint32_t *count) {
  const vft_program *p = program;
  bool *placed = vft_alloc(p->ntensors, sizeof *placed);
  if (!placed) return VFT_RESOURCE;
  uint32_t total = 0, done = 0;
  vft_status st = VFT_OK;
  for (uint32_t id = 0; id < p->ntensors; id++) {
    if (p->tensors[id].origin != VFT_VIRTUAL) continue;
    total++;
    if (p->index->definition[id] == UINT32_MAX) {
      st = vft_fail(VFT_USAGE, "virtual tensor %s has no definition", p->tensors[id].name);
      goto out;
    }
  }
  while (done < total) {
    uint32_t before = done;
    const char *stuck = "";
    for (uint32_t id = 0; id < p->ntensors; id++) {
      if (p->tensors[id].origin != VFT_VIRTUAL || placed[id]) continue;
      const vft_relation *r = &p->relations[p->index->definition[id]];
      bool ready = true;
      for (uint32_t i = 0; ready && i < r->nterms; i++)
        for (uint32_t k = 0; ready && k < r->terms[i].nfactors; k++) {
          vft_tensor_id u = r->terms[i].factor[k].tensor;
          ready = p->tensors[u].origin != VFT_VIRTUAL || placed[u];
        }
      if (!ready) {
        stuck = p->tensors[id].name;
        continue;
      }
      placed[id] = true;
      order[done++] = id;
    }
    if (done == before) {
      st = vft_fail(VFT_USAGE, "the definition of virtual tensor %s is on a cycle, or uses one",
                    stuck);
      goto out;
    }
  }
  *count = total;
out:
  vft_free(placed);
  return st;
}
